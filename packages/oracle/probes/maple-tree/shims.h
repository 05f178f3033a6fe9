/* SPDX-License-Identifier: MIT */
/*
 * What lib/maple_tree.c needs of the rest of the kernel, for one thread in user space.
 *
 * The build makes every header that maple_tree.c, maple_tree.h and xarray.h name a file that includes
 * this one, except those two headers themselves, which come from the kernel source tree given.
 */
#ifndef MAPLE_SHIMS_H
#define MAPLE_SHIMS_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_PER_LONG (__SIZEOF_LONG__ * 8)
#if BITS_PER_LONG == 64
#define CONFIG_64BIT 1
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int gfp_t;

struct list_head {
	struct list_head *next, *prev;
};

/* Compiler. */
#define __rcu
#define __force
#define __bitwise
#define __user
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __init
#define __maybe_unused __attribute__((unused))
#define noinline __attribute__((noinline))
#define fallthrough __attribute__((__fallthrough__))
#define __must_check
#define noinline_for_stack __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define IS_ENABLED(option) 0
#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))
#define min(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, BITS_PER_LONG)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define BUILD_BUG_ON(x) _Static_assert(!(x), #x)

/* Diagnostics: a failed check of the tree's own ends the probe, and with it the answer. */
void probe_fail(const char *what, const char *file, int line) __attribute__((noreturn));
void probe_warn(const char *what, const char *file, int line);
#define BUG() probe_fail("BUG", __FILE__, __LINE__)
#define BUG_ON(x) do { if (unlikely(x)) probe_fail("BUG_ON(" #x ")", __FILE__, __LINE__); } while (0)
#define WARN_ON(x) ({ bool w_ = !!(x); if (unlikely(w_)) probe_warn(#x, __FILE__, __LINE__); w_; })
#define WARN_ON_ONCE(x) WARN_ON(x)
#define VM_BUG_ON(x) BUG_ON(x)
#define printk(...) fprintf(stderr, __VA_ARGS__)
#define pr_info(...) fprintf(stderr, __VA_ARGS__)
#define pr_err(...) fprintf(stderr, __VA_ARGS__)
#define pr_warn(...) fprintf(stderr, __VA_ARGS__)
#define pr_cont(...) fprintf(stderr, __VA_ARGS__)
#define KERN_CONT ""
#define KERN_ERR ""
#define dump_stack() do { } while (0)

/* Errors in pointers. */
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) unlikely((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)

/* Memory order: one thread. */
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_mb() barrier()

/* Locks: one thread. */
typedef struct { int unused; } spinlock_t;
struct lockdep_map { int unused; };
#define __SPIN_LOCK_UNLOCKED(name) { 0 }
#define spin_lock_init(lock) ((void)(lock))
#define spin_lock(lock) ((void)(lock))
#define spin_unlock(lock) ((void)(lock))
#define spin_trylock(lock) ((void)(lock), 1)
#define spin_lock_nested(lock, subclass) ((void)(lock))
#define spin_lock_bh(lock) ((void)(lock))
#define spin_unlock_bh(lock) ((void)(lock))
#define spin_lock_irq(lock) ((void)(lock))
#define spin_unlock_irq(lock) ((void)(lock))
#define lockdep_is_held(lock) 1
#define lock_is_held(lock) 1
#define might_alloc(gfp) ((void)(gfp))

/* RCU: the probe decides when a grace period ends. */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
#define rcu_read_lock() do { } while (0)
#define rcu_read_unlock() do { } while (0)
#define rcu_barrier() do { } while (0)
#define rcu_dereference(p) (p)
#define rcu_dereference_check(p, c) (p)
#define rcu_dereference_protected(p, c) (p)
#define rcu_dereference_raw(p) (p)
#define rcu_assign_pointer(p, v) ((p) = (v))
#define RCU_INIT_POINTER(p, v) ((p) = (v))

/* The slab allocator, with counters and injected failures. */
#define GFP_KERNEL 1u
#define GFP_NOWAIT 2u
#define __GFP_NOWARN 4u
#define __GFP_BITS_SHIFT 26
#define gfpflags_allow_blocking(gfp) (!!((gfp) & GFP_KERNEL))
#define SLAB_PANIC 0
struct kmem_cache;
struct list_lru;
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *));
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t count, void **nodes);
void kmem_cache_free(struct kmem_cache *cache, void *node);
void kmem_cache_free_bulk(struct kmem_cache *cache, size_t count, void **nodes);

/* Trace points of maple_tree.c. */
#define tracepoint_string(s) (s)
#define trace_ma_op(...) do { } while (0)
#define trace_ma_read(...) do { } while (0)
#define trace_ma_write(...) do { } while (0)

/* The build adds a call of this to the copy of mas_wr_store_entry(), so that the probe learns the
 * store type whichever call of the interface made the store. */
struct ma_state;
void probe_store(struct ma_state *mas);

#endif
