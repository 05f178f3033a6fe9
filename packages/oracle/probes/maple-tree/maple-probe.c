/* SPDX-License-Identifier: MIT */
/*
 * Drives the kernel's own lib/maple_tree.c in user space.
 *
 * Input: one operation a line, words `key=value`, percent-encoded, `op=` first. Output: one JSON outcome
 * a line, in the same order. `op=new flags=0x1` starts over with an empty tree and a fresh cursor.
 *
 * Two situations that 6.12 does not survive are kept from it, and are the same in the model:
 *  - a cursor whose limit was hit before any walk is continued as if it were fresh;
 *  - a write through the tree, or a search that found no room, resets the cursor.
 */
#include "shims.h"
#include KERNEL_MAPLE_TREE

#include <ctype.h>
#include <stdarg.h>
#include <unistd.h>

/* ---- Output, flushed before the probe waits for input. ---- */

static char out[1 << 16];
static size_t out_length;

static void out_flush(void)
{
	size_t done = 0;

	while (done < out_length) {
		ssize_t n = write(1, out + done, out_length - done);

		if (n <= 0)
			_exit(2);
		done += (size_t)n;
	}
	out_length = 0;
}

static void emit(const char *format, ...)
{
	va_list arguments;

	if (out_length > sizeof(out) - 512)
		out_flush();
	va_start(arguments, format);
	out_length += (size_t)vsnprintf(out + out_length, 512, format, arguments);
	va_end(arguments);
}

void probe_fail(const char *what, const char *file, int line)
{
	(void)file;
	emit("\n{\"fatal\":\"line %d: %.300s\"}\n", line, what);
	out_flush();
	_exit(3);
}

void probe_warn(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: warning: %s\n", file, line, what);
}

/* ---- The slab allocator and grace periods. ---- */

struct kmem_cache {
	unsigned int size;
};

#define CHUNK (1ul << 20)
#define NODE_SIZE 256ul

static unsigned long allocated_count;  /* nodes handed out since the operation began */
static unsigned long live_count;       /* nodes not yet given back */
static unsigned long bad_free_count;   /* frees of what is no node, since the operation began */
static unsigned long queued_count;     /* callbacks queued since the operation began */
static long fail_after = -1;           /* allocations until all fail; -1: never */
static struct rcu_head *callbacks;
static void *free_nodes;

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *))
{
	static struct kmem_cache cache;

	(void)name;
	(void)align;
	(void)flags;
	(void)ctor;
	if (size != NODE_SIZE)
		probe_fail("node size", __FILE__, __LINE__);
	cache.size = size;
	return &cache;
}

/*
 * No node begins on a multiple of 64 KiB. 6.12 can clear the low 16 bits of a pointer to a node and
 * then free what the rest points to; such an address is never a node here, so it is told apart.
 */
static bool is_node(const void *address)
{
	return (unsigned long)address & 0xffff;
}

static void refill(void)
{
	char *chunk;
	unsigned long at;

	if (posix_memalign((void **)&chunk, CHUNK, CHUNK))
		probe_fail("out of memory", __FILE__, __LINE__);
	for (at = CHUNK - NODE_SIZE; at > 0; at -= NODE_SIZE) {
		if (!is_node(chunk + at))
			continue;
		*(void **)(chunk + at) = free_nodes;
		free_nodes = chunk + at;
	}
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *node;

	(void)gfp;
	if (fail_after == 0)
		return NULL;
	if (fail_after > 0)
		fail_after--;
	if (!free_nodes)
		refill();
	node = free_nodes;
	free_nodes = *(void **)node;
	memset(node, 0, cache->size);
	allocated_count++;
	live_count++;
	return node;
}

int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t count, void **nodes)
{
	size_t i;

	for (i = 0; i < count; i++) {
		nodes[i] = kmem_cache_alloc(cache, gfp);
		if (!nodes[i]) {
			kmem_cache_free_bulk(cache, i, nodes);
			return 0;
		}
	}
	return (int)count;
}

void kmem_cache_free(struct kmem_cache *cache, void *node)
{
	(void)cache;
	if (!is_node(node)) {
		bad_free_count++;
		return;
	}
	live_count--;
	*(void **)node = free_nodes;
	free_nodes = node;
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t count, void **nodes)
{
	size_t i;

	for (i = 0; i < count; i++)
		kmem_cache_free(cache, nodes[i]);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	queued_count++;
	head->func = func;
	head->next = callbacks;
	callbacks = head;
}

static void grace_period(void)
{
	while (callbacks) {
		struct rcu_head *head = callbacks;

		callbacks = head->next;
		head->func(head);
	}
}

/* ---- The store that the last operation made. ---- */

static const char *const store_names[] = {
	"invalid", "new_root", "store_root", "exact_fit", "spanning_store",
	"split_store", "rebalance", "append", "node_store", "slot_store",
};
static const char *store_name;

void probe_store(struct ma_state *mas)
{
	store_name = store_names[mas->store_type];
}

/* ---- Input: words of one line. ---- */

struct word {
	const char *key;
	char *value;
};

static struct word words[16];
static int word_count;

static void decode_percent(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		unsigned int byte;

		if (*text == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]) &&
		    sscanf(text + 1, "%2x", &byte) == 1) {
			*to = (char)byte;
			text += 2;
		} else {
			*to = *text;
		}
	}
	*to = 0;
}

static void split_words(char *line)
{
	char *word;

	word_count = 0;
	for (word = strtok(line, " \n"); word && word_count < 16; word = strtok(NULL, " \n")) {
		char *equals = strchr(word, '=');

		if (!equals)
			continue;
		*equals = 0;
		decode_percent(equals + 1);
		words[word_count].key = word;
		words[word_count++].value = equals + 1;
	}
}

static const char *text_of(const char *key)
{
	int i;

	for (i = 0; i < word_count; i++)
		if (!strcmp(words[i].key, key))
			return words[i].value;
	emit("{\"fatal\":\"no word %s\"}\n", key);
	out_flush();
	_exit(2);
}

static unsigned long word_of(const char *key)
{
	return strtoul(text_of(key), NULL, 0);
}

static void *entry_of(const char *key)
{
	return (void *)word_of(key);
}

/* ---- Answers. ---- */

static struct maple_tree tree;
static struct ma_state cursor;

static const char *const status_names[] = {
	"active", "start", "root", "none", "pause", "overflow", "underflow", "error",
};

static const char *errno_name(int error)
{
	switch (error) {
	case -EEXIST: return "EEXIST";
	case -EINVAL: return "EINVAL";
	case -EBUSY: return "EBUSY";
	case -ENOMEM: return "ENOMEM";
	default: return "unknown";
	}
}

static void answer_entry(void *entry)
{
	if (entry)
		emit("{\"value\":\"0x%lx\"", (unsigned long)entry);
	else
		emit("{\"value\":null");
}

static void answer_code(int code)
{
	if (code < 0)
		emit("{\"errno\":\"%s\"", errno_name(code));
	else
		emit("{\"value\":\"0x%x\"", code);
}

static unsigned char data_end(struct maple_enode *enode, unsigned long node_max)
{
	enum maple_type type = mte_node_type(enode);
	struct maple_node *node = mte_to_node(enode);

	return ma_data_end(node, type, ma_pivots(node, type), node_max);
}

static unsigned long count_nodes(struct maple_enode *enode, unsigned long node_max)
{
	enum maple_type type = mte_node_type(enode);
	struct maple_node *node = mte_to_node(enode);
	unsigned long *pivots = ma_pivots(node, type);
	unsigned char end, i;
	unsigned long count = 1;

	if (ma_is_leaf(type))
		return 1;
	end = data_end(enode, node_max);
	for (i = 0; i <= end; i++) {
		unsigned long max = i < mt_pivots[type] && i < end ? pivots[i] : node_max;
		struct maple_enode *child = ma_slots(node, type)[i];

		count += count_nodes(child, max);
	}
	return count;
}

static void answer_tree(void)
{
	void *root = tree.ma_root;
	unsigned long nodes = xa_is_node(root) ? count_nodes(mte_safe_root(root), ULONG_MAX) : 0;

	if (store_name)
		emit(",\"store\":\"%s\"", store_name);
	emit(",\"requested\":%lu,\"queued\":%lu,\"height\":%u,\"nodes\":%lu", allocated_count,
	     queued_count, mt_height(&tree), nodes);
	if (bad_free_count)
		emit(",\"badFrees\":%lu", bad_free_count);
	bad_free_count = 0;
}

static void answer_cursor(void)
{
	emit(",\"cursor\":[\"%s\",\"0x%lx\",\"0x%lx\"", status_names[cursor.status], cursor.index,
	     cursor.last);
	if (cursor.status == ma_active && cursor.node)
		emit(",\"0x%lx\",\"0x%lx\",%u,%u", cursor.min, cursor.max, cursor.offset, cursor.end);
	emit("]");
}

static void dump_node(struct maple_enode *enode, unsigned long node_max)
{
	enum maple_type type = mte_node_type(enode);
	struct maple_node *node = mte_to_node(enode);
	unsigned long *pivots = ma_pivots(node, type);
	unsigned char end = data_end(enode, node_max), i;

	emit("{\"pivots\":[");
	for (i = 0; i <= end; i++) {
		unsigned long max = i < mt_pivots[type] && i < end ? pivots[i] : node_max;

		emit("%s\"0x%lx\"", i ? "," : "", max);
	}
	if (type == maple_arange_64) {
		emit("],\"gap\":%u,\"gaps\":[", ma_meta_gap(node));
		for (i = 0; i <= end; i++)
			emit("%s\"0x%lx\"", i ? "," : "", ma_gaps(node, type)[i]);
	}
	emit(ma_is_leaf(type) ? "],\"entries\":[" : "],\"children\":[");
	for (i = 0; i <= end; i++) {
		unsigned long max = i < mt_pivots[type] && i < end ? pivots[i] : node_max;
		void *slot = ma_slots(node, type)[i];

		if (i)
			emit(",");
		if (!ma_is_leaf(type))
			dump_node(slot, max);
		else if (slot)
			emit("\"0x%lx\"", (unsigned long)slot);
		else
			emit("null");
	}
	emit("]}");
}

static void dump_tree(void)
{
	void *root = tree.ma_root;

	if (xa_is_node(root)) {
		emit("{\"root\":");
		dump_node(mte_safe_root(root), ULONG_MAX);
	} else {
		emit("{\"root\":null,");
		emit(root ? "\"entry\":\"0x%lx\"" : "\"entry\":null", (unsigned long)root);
	}
}

/* ---- The simple interface. ---- */

/* A write that does not go through the cursor makes the cursor's node untrustworthy. */
static void written(void)
{
	mas_reset(&cursor);
}

static bool run_simple(const char *op)
{
	if (!strcmp(op, "load")) {
		answer_entry(mtree_load(&tree, word_of("index")));
	} else if (!strcmp(op, "store")) {
		answer_code(mtree_store_range(&tree, word_of("first"), word_of("last"),
					      entry_of("entry"), GFP_KERNEL));
		written();
	} else if (!strcmp(op, "insert")) {
		answer_code(mtree_insert_range(&tree, word_of("first"), word_of("last"),
					       entry_of("entry"), GFP_KERNEL));
		written();
	} else if (!strcmp(op, "erase")) {
		answer_entry(mtree_erase(&tree, word_of("index")));
		written();
	} else if (!strcmp(op, "alloc_range") || !strcmp(op, "alloc_rrange")) {
		unsigned long start = 0;
		int code = op[6] == 'r' && op[7] == 'r'
			? mtree_alloc_rrange(&tree, &start, entry_of("entry"), word_of("size"),
					     word_of("min"), word_of("max"), GFP_KERNEL)
			: mtree_alloc_range(&tree, &start, entry_of("entry"), word_of("size"),
					    word_of("min"), word_of("max"), GFP_KERNEL);

		answer_code(code);
		if (code >= 0)
			emit(",\"at\":\"0x%lx\"", start);
		written();
	} else if (!strcmp(op, "alloc_cyclic")) {
		unsigned long start = 0, next = word_of("next");
		int code = mtree_alloc_cyclic(&tree, &start, entry_of("entry"), word_of("min"),
					      word_of("max"), &next, GFP_KERNEL);

		answer_code(code);
		if (code >= 0)
			emit(",\"at\":\"0x%lx\",\"next\":\"0x%lx\"", start, next);
		written();
	} else if (!strcmp(op, "find") || !strcmp(op, "find_after")) {
		unsigned long index = word_of("index");
		void *entry = op[4] ? mt_find_after(&tree, &index, word_of("max"))
				    : mt_find(&tree, &index, word_of("max"));

		answer_entry(entry);
		emit(",\"at\":\"0x%lx\"", index);
	} else if (!strcmp(op, "next")) {
		answer_entry(mt_next(&tree, word_of("index"), word_of("max")));
	} else if (!strcmp(op, "prev")) {
		answer_entry(mt_prev(&tree, word_of("index"), word_of("min")));
	} else if (!strcmp(op, "destroy")) {
		emit("{\"value\":null");
		mtree_destroy(&tree);
		written();
	} else if (!strcmp(op, "rcu")) {
		emit("{\"value\":null");
		if (word_of("on"))
			mt_set_in_rcu(&tree);
		else
			mt_clear_in_rcu(&tree);
	} else if (!strcmp(op, "dup")) {
		struct maple_tree copy;
		int code;

		mt_init_flags(&copy, mt_attr(&tree));
		code = mtree_dup(&tree, &copy, GFP_KERNEL);
		answer_code(code);
		if (code == 0) {
			mtree_destroy(&tree);
			tree = copy;
		}
		written();
	} else {
		return false;
	}
	grace_period();
	answer_tree();
	return true;
}

/* ---- The cursor interface. ---- */

/* 6.12 follows a null node when a limit was hit before any walk; a fresh cursor is what is meant. */
static void heal_cursor(const char *op)
{
	bool over = cursor.status == ma_overflow, under = cursor.status == ma_underflow;

	if (cursor.node || (!over && !under))
		return;
	if ((over && !strncmp(op, "mas_next", 8)) || (under && !strncmp(op, "mas_prev", 8)) ||
	    ((!strcmp(op, "mas_find_rev") || !strcmp(op, "mas_find_range_rev")) &&
	     cursor.index > word_of("min")))
		cursor.status = ma_start;
}

static bool run_cursor_step(const char *op)
{
	void *entry;

	if (!strcmp(op, "mas_walk"))
		entry = mas_walk(&cursor);
	else if (!strcmp(op, "mas_next"))
		entry = mas_next(&cursor, word_of("max"));
	else if (!strcmp(op, "mas_next_range"))
		entry = mas_next_range(&cursor, word_of("max"));
	else if (!strcmp(op, "mas_prev"))
		entry = mas_prev(&cursor, word_of("min"));
	else if (!strcmp(op, "mas_prev_range"))
		entry = mas_prev_range(&cursor, word_of("min"));
	else if (!strcmp(op, "mas_find"))
		entry = mas_find(&cursor, word_of("max"));
	else if (!strcmp(op, "mas_find_range"))
		entry = mas_find_range(&cursor, word_of("max"));
	else if (!strcmp(op, "mas_find_rev"))
		entry = mas_find_rev(&cursor, word_of("min"));
	else if (!strcmp(op, "mas_find_range_rev"))
		entry = mas_find_range_rev(&cursor, word_of("min"));
	else
		return false;
	answer_entry(entry);
	return true;
}

static bool run_cursor_write(const char *op)
{
	if (!strcmp(op, "mas_store_gfp")) {
		answer_code(mas_store_gfp(&cursor, entry_of("entry"), GFP_KERNEL));
	} else if (!strcmp(op, "mas_store")) {
		/* The entry that mas_store() returns means something only where the write did not span. */
		mas_store(&cursor, entry_of("entry"));
		emit("{\"value\":null");
	} else if (!strcmp(op, "mas_store_prealloc")) {
		int code = mas_preallocate(&cursor, entry_of("entry"), GFP_KERNEL);

		if (code == 0)
			mas_store_prealloc(&cursor, entry_of("entry"));
		answer_code(code);
	} else if (!strcmp(op, "mas_erase")) {
		answer_entry(mas_erase(&cursor));
	} else if (!strcmp(op, "mas_expected_entries")) {
		answer_code(mas_expected_entries(&cursor, word_of("count")));
	} else if (!strcmp(op, "mas_destroy")) {
		/* After a repair the cursor is left at the parent of the leaf. */
		mas_destroy(&cursor);
		mas_reset(&cursor);
		emit("{\"value\":null");
	} else {
		return false;
	}
	return true;
}

static bool run_cursor_search(const char *op)
{
	int code;

	if (!strcmp(op, "mas_empty_area"))
		code = mas_empty_area(&cursor, word_of("min"), word_of("max"), word_of("size"));
	else if (!strcmp(op, "mas_empty_area_rev"))
		code = mas_empty_area_rev(&cursor, word_of("min"), word_of("max"), word_of("size"));
	else
		return false;
	answer_code(code);
	if (code == -EBUSY)
		mas_set(&cursor, word_of("min"));
	return true;
}

static bool run_cursor(const char *op)
{
	heal_cursor(op);
	if (!strcmp(op, "mas_set")) {
		mas_set_range(&cursor, word_of("first"), word_of("last"));
		emit("{\"value\":null");
	} else if (!strcmp(op, "mas_reset")) {
		mas_reset(&cursor);
		emit("{\"value\":null");
	} else if (!strcmp(op, "mas_pause")) {
		mas_pause(&cursor);
		emit("{\"value\":null");
	} else if (!run_cursor_step(op) && !run_cursor_write(op) && !run_cursor_search(op)) {
		return false;
	}
	grace_period();
	answer_tree();
	answer_cursor();
	return true;
}

/* ---- One operation. ---- */

static void run(char *line)
{
	const char *op;

	split_words(line);
	op = text_of("op");
	allocated_count = 0;
	queued_count = 0;
	store_name = NULL;
	if (!strcmp(op, "new")) {
		mtree_destroy(&tree);
		grace_period();
		mt_init_flags(&tree, (unsigned int)word_of("flags"));
		memset(&cursor, 0, sizeof(cursor));
		mas_init(&cursor, &tree, 0);
		emit("{\"value\":null");
	} else if (!strcmp(op, "fail")) {
		fail_after = (long)word_of("after");
		emit("{\"value\":null");
	} else if (!strcmp(op, "work")) {
		fail_after = -1;
		emit("{\"value\":null");
	} else if (!strcmp(op, "dump")) {
		dump_tree();
	} else if (!run_simple(op) && !run_cursor(op)) {
		emit("{\"fatal\":\"unknown operation %.40s\"}\n", op);
		out_flush();
		_exit(2);
	}
	emit("}\n");
	grace_period();
}

int main(void)
{
	static char input[1 << 16];
	size_t length = 0;

	maple_tree_init();
	mt_init_flags(&tree, 0);
	mas_init(&cursor, &tree, 0);
	for (;;) {
		char *line = input, *newline;
		ssize_t n = read(0, input + length, sizeof(input) - 1 - length);

		if (n <= 0)
			break;
		length += (size_t)n;
		while ((newline = memchr(line, '\n', length - (size_t)(line - input)))) {
			*newline = 0;
			if (newline > line)
				run(line);
			line = newline + 1;
		}
		length -= (size_t)(line - input);
		memmove(input, line, length);
		out_flush();
	}
	mtree_destroy(&tree);
	grace_period();
	return 0;
}
