/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The library's thread: a queue of work, and rfbProcessEvents().
 *
 * 1. What the library encodes is a copy of the screen: the memory that it is copied from may change
 *    at any moment, and an encoder that looks twice must see the same.
 * 2. Its sockets are ends of pairs whose other ends the front reads at any time, so that a viewer
 *    who does not read keeps nobody waiting.
 * 3. It listens nowhere, has no HTTP server, no file transfer, no chat, and no input.
 */

#include "daemon/display/library.h"

#include <errno.h>
#include <gio/gio.h>
#include <rfb/rfb.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_WIDTH  640
#define FIRST_HEIGHT 480
#define WAIT_MS      250 /* for a socket that takes nothing: the front reads them all the time */
#define STEP_US      5000

typedef enum { WORK_SCREEN, WORK_ROWS, WORK_VIEWER } WorkKind;

typedef struct {
    WorkKind kind;
    int socket;
    const uint32_t *shared;
    gsize shared_size;
    unsigned width, height, y;
} Work;

struct Library {
    rfbScreenInfoPtr screen;
    uint32_t *frame;        /* what is encoded */
    const uint32_t *shared; /* what it is copied from */
    gsize shared_size;
    unsigned width, height;
    int wake, done; /* eventfds */
    GAsyncQueue *queue;
    GThread *thread;
};

/* --- the thread ------------------------------------------------------------------------------- */

/* The library wants red in the lowest byte, and says so to viewers again whenever the size changes.
 */
static void copy_rows(Library *library, unsigned y, unsigned height)
{
    if (y >= library->height)
        return;
    height = MIN(height, library->height - y);
    gsize start = (gsize)y * library->width;
    if (library->shared)
        for (gsize i = start; i < start + (gsize)height * library->width; i++)
            library->frame[i] = GUINT32_SWAP_LE_BE(library->shared[i]) >> 8;
    rfbMarkRectAsModified(library->screen, 0, (int)y, (int)library->width, (int)(y + height));
}

static void change_screen(Library *library, const Work *work)
{
    uint32_t *old = library->frame;
    if (library->shared)
        munmap((void *)library->shared, library->shared_size);
    library->shared = work->shared;
    library->shared_size = work->shared_size;
    bool same_size = work->width == library->width && work->height == library->height;
    if (!same_size) {
        library->frame = g_new0(uint32_t, (gsize)work->width * work->height);
        library->width = work->width;
        library->height = work->height;
        rfbNewFramebuffer(library->screen, (char *)library->frame, (int)work->width,
                          (int)work->height, 8, 3, 4);
        library->screen->serverFormat.depth = 24;
        g_free(old);
    }
    copy_rows(library, 0, library->height);
}

static void announce(int eventfd)
{
    uint64_t one = 1;
    ssize_t n = write(eventfd, &one, sizeof one);
    g_assert(n == sizeof one || errno == EAGAIN);
}

static void do_work(Library *library, Work *work)
{
    switch (work->kind) {
    case WORK_SCREEN: change_screen(library, work); break;
    case WORK_ROWS: copy_rows(library, work->y, work->height); break;
    case WORK_VIEWER: rfbNewClient(library->screen, work->socket); return;
    }
    announce(library->done);
}

static void wait_for_work(Library *library)
{
    fd_set fds = library->screen->allFds;
    int last = MAX(library->screen->maxFd, library->wake);
    struct timeval step = { .tv_usec = STEP_US };
    uint64_t count;
    FD_SET(library->wake, &fds);
    bool has_viewers = library->screen->clientHead != NULL;
    int ready = select(last + 1, &fds, NULL, NULL, has_viewers ? &step : NULL);
    if (ready > 0 && FD_ISSET(library->wake, &fds)) {
        ssize_t n = read(library->wake, &count, sizeof count);
        g_assert(n == sizeof count || errno == EAGAIN);
    }
}

static gpointer run(gpointer data)
{
    Library *library = data;
    for (;;) {
        Work *work;
        wait_for_work(library);
        while ((work = g_async_queue_try_pop(library->queue))) {
            do_work(library, work);
            g_free(work);
        }
        rfbProcessEvents(library->screen, 0);
    }
    return NULL;
}

/* --- making it -------------------------------------------------------------------------------- */

static void no_log(const char *format, ...)
{
}

static rfbScreenInfoPtr make_screen(const char *name, uint32_t *frame)
{
    rfbLogEnable(FALSE);
    rfbLog = rfbErr = no_log; /* its own opens the time zone's file */
    rfbScreenInfoPtr screen = rfbGetScreen(NULL, NULL, FIRST_WIDTH, FIRST_HEIGHT, 8, 3, 4);
    g_assert(screen);
    screen->frameBuffer = (char *)frame;
    screen->desktopName = name;
    screen->port = screen->ipv6port = -1;
    screen->autoPort = FALSE;
    screen->httpDir = NULL;
    screen->httpPort = screen->http6Port = -1;
    screen->udpPort = 0;
    screen->inetdSock = -1;
    screen->alwaysShared = TRUE;
    screen->maxClientWait = WAIT_MS;
    screen->permitFileTransfer = FALSE;
    screen->cursor = NULL;
    screen->kbdAddEvent = NULL;
    screen->deferUpdateTime = 2;
    rfbInitServer(screen);
    screen->serverFormat.depth = 24;
    return screen;
}

/* Functions that viewers cannot reach through the front, and must not if they could. */
static void ignore_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client)
{
}

static void ignore_pointer(int buttons, int x, int y, rfbClientPtr client)
{
}

Library *library_new(const char *name)
{
    Library *library = g_new0(Library, 1);
    library->width = FIRST_WIDTH;
    library->height = FIRST_HEIGHT;
    library->frame = g_new0(uint32_t, FIRST_WIDTH * FIRST_HEIGHT);
    library->screen = make_screen(name, library->frame);
    library->screen->kbdAddEvent = ignore_key;
    library->screen->ptrAddEvent = ignore_pointer;
    library->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    library->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    g_assert(library->wake >= 0 && library->done >= 0);
    library->queue = g_async_queue_new();
    library->thread = g_thread_new("library", run, library);
    return library;
}

int library_done_fd(Library *library)
{
    return library->done;
}

static void leave_work(Library *library, Work work)
{
    g_async_queue_push(library->queue, g_memdup2(&work, sizeof work));
    announce(library->wake);
}

bool library_set_screen(Library *library, int fd, unsigned width, unsigned height, GError **error)
{
    gsize size = (gsize)width * height * 4;
    struct stat info;
    void *shared = MAP_FAILED;
    if (fstat(fd, &info) == 0 && info.st_size >= 0 && (gsize)info.st_size >= size)
        shared = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "cannot map a screen of %ux%u", width,
                    height);
        return false;
    }
    leave_work(library, (Work){ .kind = WORK_SCREEN,
                                .shared = shared,
                                .shared_size = size,
                                .width = width,
                                .height = height });
    return true;
}

void library_rows_changed(Library *library, unsigned y, unsigned height)
{
    leave_work(library, (Work){ .kind = WORK_ROWS, .y = y, .height = height });
}

void library_add_viewer(Library *library, int socket)
{
    leave_work(library, (Work){ .kind = WORK_VIEWER, .socket = socket });
}

void library_encrypt(uint8_t bytes[16], const char *password)
{
    char copy[9] = { 0 };
    g_strlcpy(copy, password, sizeof copy);
    rfbEncryptBytes(bytes, copy);
    explicit_bzero(copy, sizeof copy);
}
