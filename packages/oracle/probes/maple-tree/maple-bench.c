/* SPDX-License-Identifier: MIT */
/*
 * Times the kernel's own lib/maple_tree.c in user space on the workloads of the JavaScript benchmark.
 *
 * Input, once: the number of entries, a seed, then one workload's name a line. Output: nanoseconds per
 * operation for each, one JSON object a line. `keys` in the same order are made from the seed on both sides.
 */
#include "shims.h"
#include KERNEL_MAPLE_TREE

#include <time.h>

void probe_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	exit(3);
}

void probe_warn(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: warning: %s\n", file, line, what);
}

void probe_store(struct ma_state *mas)
{
	(void)mas;
}

/* ---- The slab allocator: a free list over large chunks, without checks. ---- */

struct kmem_cache {
	unsigned int size;
};

static void *free_nodes;
static unsigned long live_nodes;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *))
{
	static struct kmem_cache cache;

	(void)name;
	(void)align;
	(void)flags;
	(void)ctor;
	cache.size = size;
	return &cache;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *node;

	(void)gfp;
	if (!free_nodes) {
		char *chunk;
		unsigned long at;

		if (posix_memalign((void **)&chunk, 4096, 1ul << 20))
			return NULL;
		for (at = 0; at < 1ul << 20; at += cache->size) {
			*(void **)(chunk + at) = free_nodes;
			free_nodes = chunk + at;
		}
	}
	node = free_nodes;
	free_nodes = *(void **)node;
	live_nodes++;
	return node;
}

void kmem_cache_free(struct kmem_cache *cache, void *node)
{
	(void)cache;
	*(void **)node = free_nodes;
	free_nodes = node;
	live_nodes--;
}

int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t count, void **nodes)
{
	size_t i;

	for (i = 0; i < count; i++)
		nodes[i] = kmem_cache_alloc(cache, gfp);
	return (int)count;
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t count, void **nodes)
{
	size_t i;

	for (i = 0; i < count; i++)
		kmem_cache_free(cache, nodes[i]);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	func(head);
}

/* ---- Workloads. The tree before each holds [16i, 16i + 7] from `base` on. ---- */

static struct maple_tree tree;
static unsigned long *shuffled;
static unsigned long n;
static const unsigned long base = 1ul << 47;
static unsigned long sink;

static unsigned int state;

static double next_random(void)
{
	state = state * 1103515245u + 12345u;
	return state / 4294967296.0;
}

static void shuffle(unsigned int seed)
{
	unsigned long i;

	state = seed;
	shuffled = malloc(n * sizeof(*shuffled));
	for (i = 0; i < n; i++)
		shuffled[i] = i;
	for (i = n - 1; i > 0; i--) {
		unsigned long j = (unsigned long)(next_random() * (double)(i + 1));
		unsigned long kept = shuffled[i];

		shuffled[i] = shuffled[j];
		shuffled[j] = kept;
	}
}

static unsigned long start_of(unsigned long i)
{
	return base + 16 * i;
}

static void put(unsigned long i, unsigned long value)
{
	mtree_store_range(&tree, start_of(i), start_of(i) + 7, xa_mk_value(value), GFP_KERNEL);
}

static void fill(bool random, unsigned int flags)
{
	unsigned long i;

	mtree_destroy(&tree);
	mt_init_flags(&tree, flags);
	for (i = 0; i < n; i++)
		put(random ? shuffled[i] : i, i + 1);
}

static void overwrite(unsigned long span)
{
	unsigned long i;

	for (i = 0; i + span <= n; i += span)
		mtree_store_range(&tree, start_of(i), start_of(i + span - 1) + 7, xa_mk_value(5),
				  GFP_KERNEL);
}

static void scan(void)
{
	MA_STATE(mas, &tree, 0, 0);

	while (mas_find(&mas, ULONG_MAX))
		sink++;
}

static void search(void)
{
	unsigned long i;
	MA_STATE(mas, &tree, 0, 0);

	for (i = 0; i < n; i++) {
		mas_reset(&mas);
		mas_empty_area(&mas, start_of(shuffled[i]), ULONG_MAX, 8);
		sink += mas.index;
	}
}

static void allocate_and_free(void)
{
	unsigned long i, start;

	for (i = 0; i < n; i++) {
		mtree_alloc_range(&tree, &start, xa_mk_value(1), 8, start_of(shuffled[i]), ULONG_MAX,
				  GFP_KERNEL);
		mtree_erase(&tree, start);
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double per_operation(const char *name)
{
	unsigned long i, count = n;
	double started;

	if (!strcmp(name, "sequential-insert") || !strcmp(name, "random-insert")) {
		mtree_destroy(&tree);
		mt_init_flags(&tree, 0);
		started = now();
		for (i = 0; i < n; i++)
			put(name[0] == 's' ? i : shuffled[i], i + 1);
	} else if (!strcmp(name, "random-load")) {
		fill(true, 0);
		started = now();
		for (i = 0; i < n; i++)
			sink += (unsigned long)mtree_load(&tree, start_of(shuffled[i]) + 3);
	} else if (!strcmp(name, "sequential-load")) {
		fill(false, 0);
		started = now();
		for (i = 0; i < n; i++)
			sink += (unsigned long)mtree_load(&tree, start_of(i));
	} else if (!strcmp(name, "scan") || !strcmp(name, "cursor-walk")) {
		fill(true, 0);
		started = now();
		scan();
	} else if (!strcmp(name, "exact-replace")) {
		fill(true, 0);
		started = now();
		for (i = 0; i < n; i++)
			put(shuffled[i], i + 2);
	} else if (!strcmp(name, "overwrite-10") || !strcmp(name, "overwrite-1000")) {
		unsigned long span = name[12] ? 1000 : 10;

		fill(false, 0);
		count = n / span;
		started = now();
		overwrite(span);
	} else if (!strcmp(name, "random-erase")) {
		fill(true, 0);
		started = now();
		for (i = 0; i < n; i++)
			mtree_erase(&tree, start_of(shuffled[i]) + 3);
	} else if (!strcmp(name, "gap-search")) {
		fill(false, MT_FLAGS_ALLOC_RANGE);
		started = now();
		search();
	} else if (!strcmp(name, "allocate-free")) {
		fill(false, MT_FLAGS_ALLOC_RANGE);
		started = now();
		allocate_and_free();
	} else if (!strcmp(name, "memory")) {
		fill(true, 0);
		return (double)live_nodes * 256 / (double)n;
	} else {
		return -1;
	}
	return (now() - started) / (double)count;
}

int main(void)
{
	char name[64];
	unsigned int seed;

	maple_tree_init();
	if (scanf("%lu %u", &n, &seed) != 2)
		return 2;
	shuffle(seed);
	while (scanf("%63s", name) == 1) {
		printf("{\"workload\":\"%s\",\"value\":%.2f}\n", name, per_operation(name));
		fflush(stdout);
	}
	return sink == 42;
}
