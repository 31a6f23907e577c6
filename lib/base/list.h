// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// Intrusive doubly linked list. The list never owns its members.
#ifndef PAPERGUARD_BASE_LIST_H
#define PAPERGUARD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
// Iterates nodes; the current node may be removed in the body.
#define LIST_EACH(node, tmp, head)                                                                                     \
    for (struct list *node = (head)->next, *tmp = node->next; node != (head); node = tmp, tmp = node->next)

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}
static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
// Safe on a node that is already unlinked (initialised with list_init).
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#endif
