/*
 * Has the n-th allocation of an nginx worker fail, and tells which it was.
 *
 * Linked into an nginx that has AddressSanitizer, with
 *
 *     -Wl,--wrap=ngx_slab_alloc_locked,--wrap=gettimeofday
 *
 * it is in front of the sanitizer's allocator for nginx and for all libraries,
 * and in front of the slab allocator for what calls that from another file.
 * It also sets nginx's clock ahead, so that what was fetched has to be renewed.
 * The file that FAIL_ALLOC names in the environment is a struct control, which
 * a test maps, too; without it nothing is changed.
 */

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>


#define DEPTH  48


enum kind { HEAP = 1, ZONE };


struct control {
    int64_t   process;      /* whose allocations count */
    int64_t   kind;         /* which of them */
    int64_t   left;         /* until one fails; 0 if none is to */
    int64_t   ahead;        /* of the true time, in seconds */
    int64_t   measure;      /* whether "allocated" is wanted; then 0 */
    int64_t   allocated;    /* bytes on the heap */
    int64_t   depth;        /* of the stack of the one that has failed */
    uint64_t  stack[DEPTH];
};


void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t number, size_t size);
void *__interceptor_realloc(void *p, size_t size);
int __interceptor_posix_memalign(void **p, size_t alignment, size_t size);
size_t __sanitizer_get_current_allocated_bytes(void);

void *__real_ngx_slab_alloc_locked(void *pool, size_t size);
void *__wrap_ngx_slab_alloc_locked(void *pool, size_t size);
int __real_gettimeofday(struct timeval *tv, void *zone);
int __wrap_gettimeofday(struct timeval *tv, void *zone);

/* configure links programs that have no slab allocator */
#pragma weak __real_ngx_slab_alloc_locked


static volatile struct control  *control;


__attribute__((constructor))
static void
find_control(void)
{
    int    fd;
    char  *name;
    void  *p, *unused[1];

    name = getenv("FAIL_ALLOC");
    if (name == NULL) {
        return;
    }

    /* the first call loads the library that unwinds, which allocates */

    backtrace(unused, 1);

    fd = open(name, O_RDWR);
    if (fd == -1) {
        abort();
    }

    p = mmap(NULL, sizeof(struct control), PROT_READ|PROT_WRITE, MAP_SHARED,
             fd, 0);
    if (p == MAP_FAILED) {
        abort();
    }

    close(fd);

    control = p;
}


static void
note_stack(void)
{
    int    i, depth;
    void  *stack[DEPTH];

    depth = backtrace(stack, DEPTH);

    for (i = 0; i < depth; i++) {
        control->stack[i] = (uintptr_t) stack[i];
    }

    control->depth = depth;
}


static int
fails(enum kind kind)
{
    if (control == NULL || control->process != getpid()) {
        return 0;
    }

    if (control->measure) {
        control->allocated = __sanitizer_get_current_allocated_bytes();
        control->measure = 0;
    }

    if (control->left == 0 || control->kind != kind || --control->left > 0) {
        return 0;
    }

    note_stack();

    errno = ENOMEM;

    return 1;
}


void *
malloc(size_t size)
{
    return fails(HEAP) ? NULL : __interceptor_malloc(size);
}


void *
calloc(size_t number, size_t size)
{
    return fails(HEAP) ? NULL : __interceptor_calloc(number, size);
}


void *
realloc(void *p, size_t size)
{
    return fails(HEAP) ? NULL : __interceptor_realloc(p, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    return fails(HEAP) ? ENOMEM
                       : __interceptor_posix_memalign(p, alignment, size);
}


void *
__wrap_ngx_slab_alloc_locked(void *pool, size_t size)
{
    return fails(ZONE) ? NULL : __real_ngx_slab_alloc_locked(pool, size);
}


int
__wrap_gettimeofday(struct timeval *tv, void *zone)
{
    int  rc;

    rc = __real_gettimeofday(tv, zone);

    if (rc == 0 && control) {
        tv->tv_sec += control->ahead;
    }

    return rc;
}
