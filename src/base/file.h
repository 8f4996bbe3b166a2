/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: the folders and small files that the server keeps beside its database, made so that a power cut leaves them whole
 * or not there. What changes a name is durable after a sync of the folder that holds it. Any thread; paths are NUL-terminated.
 * Every change of a file that is kept goes through here or through the database's file layer, so that all of it can be
 * watched, recorded and made to fail (db/vfs/faultvfs.h). Sockets, the log and what is exported are not kept.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>
#include "base/status.h"
#include "base/str.h"

/* ERR_NO_PERM, ERR_READ_ONLY, ERR_FULL, ERR_NOT_FOUND, ERR_EXISTS, ERR_IO. */
enum status file_status(int error);

/* Makes a folder, durably. OK also if it is there. errno tells more on failure, here and below. */
must_check enum status file_make_folder(const char *path, mode_t mode);
/* The same, and the folders above it that are missing. path is as before afterwards; on failure it ends behind the folder that could not
 * be made. */
must_check enum status file_make_folders(char *path, mode_t mode);
/* Makes an empty file, never through a symbolic link; its name is not durable yet. ERR_EXISTS. */
must_check enum status file_create(const char *path, mode_t mode);
/* Puts a file with these bytes in the place of what may be there, durably; at no time a part of it is found. */
must_check enum status file_replace(const char *path, mode_t mode, struct str bytes);
/* None of these is durable yet. */
must_check enum status file_rename(const char *from, const char *to);
must_check enum status file_link(const char *from, const char *to);
must_check enum status file_remove(const char *path);
/* The bytes of a file that something else wrote. */
must_check enum status file_sync(const char *path);
/* The names in the folder in which path lies. */
must_check enum status file_sync_names(const char *path);

/* The name of a network or FUSE file system on which the path, or what of it exists, lies; NULL: another one. */
const char *file_system_unfit(const char *path);
/* The same for a type as statfs(2) gives it. */
const char *file_system_unfit_type(unsigned long type);

enum file_act { FILE_CREATE, FILE_WRITE, FILE_SYNC, FILE_REMOVE, FILE_RENAME, FILE_LINK, FILE_FOLDER, FILE_SYNC_NAMES };

/* For tests. before: an errno with which the call is to fail, or 0. after: it was done; other: the new name, or NULL. */
struct file_watch {
	int (*before)(enum file_act act, const char *path);
	void (*after)(enum file_act act, const char *path, const char *other, struct str bytes);
};
/* Set once, before there are threads; it lives as long as the process. */
void file_watch(const struct file_watch *watch);

#endif
