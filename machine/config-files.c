/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The files that a definition names: attached as descriptors, or opened by a worker that runs
 * alone. */

#include "machine/config-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char path[32];
    const char *file;
    int *fd;
    bool is_socket, is_written;
    bool is_optional; /* a machine can be built without it */
} NamedFile;

#define MAX_FILES                                                                                  \
    (3 + (2 + MACHINE_CONFIG_MAX_MEDIA) * MACHINE_CONFIG_MAX_DISKS + MACHINE_CONFIG_MAX_NICS)

static unsigned list_files(MachineConfig *config, NamedFile *files)
{
    unsigned count = 0;
    files[count++] = (NamedFile){ "kernel", config->kernel, &config->kernel_fd };
    if (config->initrd) {
        files[count++] = (NamedFile){ "initrd", config->initrd, &config->initrd_fd };
    }
    if (config->audio.capture_file) {
        files[count++] = (NamedFile){ .path = "audio.capture.file",
                                      .file = config->audio.capture_file,
                                      .fd = &config->audio.capture_fd,
                                      .is_optional = true };
    }
    for (unsigned i = 0; i < config->disk_count; i++) {
        NamedFile *file = &files[count++];
        *file = (NamedFile){ .file = config->disks[i].file, .fd = &config->disks[i].fd };
        g_snprintf(file->path, sizeof(file->path), "disks[%u].file", i);
        for (unsigned k = 0; k < config->disks[i].media_count; k++) {
            file = &files[count++];
            *file = (NamedFile){ .file = config->disks[i].media[k],
                                 .fd = &config->disks[i].media_fd[k] };
            g_snprintf(file->path, sizeof(file->path), "disks[%u].media[%u]", i, k);
        }
        if (config->disks[i].format == CONFIG_DISK_RAW) {
            continue;
        }
        file = &files[count++];
        *file = (NamedFile){ .file = "the server of the image",
                             .fd = &config->disks[i].nbd_fd,
                             .is_socket = true };
        g_snprintf(file->path, sizeof(file->path), "disks[%u].nbd", i);
    }
    for (unsigned i = 0; i < config->nic_count; i++) {
        if (config->nics[i].pcap) {
            NamedFile *file = &files[count++];
            *file = (NamedFile){ .file = config->nics[i].pcap,
                                 .fd = &config->nics[i].pcap_fd,
                                 .is_written = true };
            g_snprintf(file->path, sizeof(file->path), "nics[%u].pcap", i);
        }
    }
    return count;
}

/* Empties a file that is to be written, if it is one of its kind: no image is lost by mistake. */
static const char *empty_file(int fd, const struct stat *status)
{
    uint32_t magic;
    if (!S_ISREG(status->st_mode)) {
        return "it is no file";
    }
    if (status->st_size > 0 && (pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) ||
                                magic != MACHINE_CONFIG_PCAP_MAGIC)) {
        return "it holds something else than a dump; remove it or choose another file";
    }
    return ftruncate(fd, 0) < 0 ? g_strerror(errno) : NULL;
}

static bool set_file(NamedFile *file, int fd, GError **error)
{
    struct stat status;
    const char *problem = NULL;
    if (fstat(fd, &status) < 0) {
        problem = g_strerror(errno);
    } else if (file->is_written && *file->fd < 0) {
        problem = empty_file(fd, &status);
    } else if (file->is_socket && !S_ISSOCK(status.st_mode)) {
        problem = "it is no socket";
    } else if (!file->is_socket && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        problem = "it is neither a file nor a block device";
    } else if (*file->fd >= 0) {
        problem = "it was given twice";
    }
    if (problem) {
        g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                    "cannot use %s (%s): %s", file->path, file->file, problem);
        close(fd);
        return false;
    }
    *file->fd = fd;
    return true;
}

bool machine_config_attach(MachineConfig *config, const char *path, int fd, GError **error)
{
    NamedFile files[MAX_FILES];
    unsigned count = list_files(config, files);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return set_file(&files[i], fd, error);
        }
    }
    close(fd);
    g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                "the machine definition has no file '%s'", path);
    return false;
}

static bool needs_daemon(const ConfigAudio *audio, GError **error)
{
    if (audio->playback != CONFIG_SOUND_SOCKET && audio->capture != CONFIG_SOUND_SOCKET) {
        return false;
    }
    config_wrong_value(error,
                       "audio.%s.backend: sockets of sound are served by the daemon; without it, "
                       "use \"wav\"",
                       audio->playback == CONFIG_SOUND_SOCKET ? "playback" : "capture");
    return true;
}

bool machine_config_open_files(MachineConfig *config, int directory_fd, GError **error)
{
    if (needs_daemon(&config->audio, error)) {
        return false;
    }
    NamedFile files[MAX_FILES];
    unsigned count = list_files(config, files);
    for (unsigned i = 0; i < count; i++) {
        if (*files[i].fd >= 0) {
            continue;
        }
        if (files[i].is_socket) {
            return config_wrong_value(
                error,
                "%s: images of other formats than raw are served by the daemon; "
                "without it, convert the image to raw",
                files[i].path);
        }
        int flags = files[i].is_written ? O_RDWR | O_CREAT | O_NOFOLLOW : O_RDONLY;
        int fd = openat(directory_fd, files[i].file, flags | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                        "cannot open %s (%s): %s", files[i].path, files[i].file, g_strerror(errno));
            return false;
        }
        if (!set_file(&files[i], fd, error)) {
            return false;
        }
    }
    return true;
}

bool machine_config_is_complete(const MachineConfig *config, GError **error)
{
    NamedFile files[MAX_FILES];
    unsigned count = list_files((MachineConfig *)config, files);
    for (unsigned i = 0; i < count; i++) {
        if (*files[i].fd < 0 && !files[i].is_optional) {
            g_set_error(error, MACHINE_CONFIG_ERROR, MACHINE_CONFIG_ERROR_FILE,
                        "%s (%s) was not given as an open file", files[i].path, files[i].file);
            return false;
        }
    }
    return true;
}
