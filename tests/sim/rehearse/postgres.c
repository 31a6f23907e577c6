// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: the paperguard authors
//
// A private Postgres of Debian's binaries in the temporary folder: no network, nothing synced, gone at the end however
// the rehearsal ends. As root it runs under an unprivileged user.
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/sim/rehearse/rehearse.h"

#define START_LOOKS 600
#define LOOK_MS 50
#define ARGS_MAX 40
#define BIN_MAX 256
#define ROOM_MAX 128

static struct {
    pid_t pid;
    uid_t uid; // 0: our own
    gid_t gid;
} server;

static int find_bin(char bin[BIN_MAX], struct err *err)
{
    glob_t found = {0};
    int rc = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found);
    if (rc == 0) {
        const char *newest = found.gl_pathv[found.gl_pathc - 1];
        snprintf(bin, BIN_MAX, "%.*s", (int)(strlen(newest) - strlen("/initdb")), newest);
    }
    globfree(&found);
    return rc == 0
               ? 0
               : err_set(err, "no Postgres server is installed here (/usr/lib/postgresql/*/bin): install the package "
                              "postgresql, or name an empty database with --database URL");
}

static int find_user(struct err *err)
{
    static const char *const names[] = {"postgres", "nobody"};
    const struct passwd *user = NULL;
    if (geteuid() != 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(names) && !user; i++)
        user = getpwnam(names[i]);
    if (!user)
        return err_set(err, "Postgres does not run as root, and there is neither a user postgres nor nobody");
    server.uid = user->pw_uid;
    server.gid = user->pw_gid;
    return 0;
}

// As that user, its output into a file; dies with us.
static pid_t begin(const char *const *argv, const char *folder, const char *log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC),
        out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    sigset_t none;
    sigemptyset(&none);
    if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || setpgid(0, 0) != 0 ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0)
        _exit(126);
    if (server.uid && (setgroups(0, NULL) != 0 || setresgid(server.gid, server.gid, server.gid) != 0 ||
                       setresuid(server.uid, server.uid, server.uid) != 0))
        _exit(126);
    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() != parent || chdir(folder) != 0)
        _exit(126);
    static char *const environment[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", (char *)(uintptr_t) "LC_ALL=C.UTF-8",
                                        NULL};
    execve(argv[0], (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

static int last_line(const char *log, char out[200])
{
    FILE *f = fopen(log, "re");
    char line[200] = "";
    out[0] = '\0';
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0])
            str_copy_cut(out, 200, line);
    }
    if (f)
        fclose(f);
    return 0;
}

static int make_cluster(const char *bin, const char *room, const char *log, struct err *err)
{
    char initdb[REHEARSE_PATH_MAX], data[REHEARSE_PATH_MAX], said[200];
    int status = 0;
    snprintf(initdb, sizeof initdb, "%s/initdb", bin);
    snprintf(data, sizeof data, "%s/data", room);
    const char *const argv[] = {initdb, "--no-sync",  "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                                "-U",   "paperguard", "-D", data,    NULL};
    pid_t pid = begin(argv, room, log);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
        return 0;
    if (pid > 0 && kill(-pid, SIGKILL) == 0) // a signal came to us
        waitpid(pid, NULL, 0);
    last_line(log, said);
    return err_set(err, "initdb failed: %s", said);
}

static pid_t serve(const char *bin, const char *room, const char *log)
{
    static const char *const settings[] = {"listen_addresses=",     "fsync=off",
                                           "full_page_writes=off",  "synchronous_commit=off",
                                           "shared_buffers=64MB",   "dynamic_shared_memory_type=mmap",
                                           "max_connections=20",    "max_wal_senders=0",
                                           "wal_level=minimal",     "max_wal_size=4GB",
                                           "checkpoint_timeout=1h", "timezone=UTC",
                                           "log_timezone=UTC",      "jit=off"};
    char postgres[REHEARSE_PATH_MAX], data[REHEARSE_PATH_MAX];
    const char *argv[ARGS_MAX] = {postgres, "-D", data, "-k", room};
    size_t n = 5;
    snprintf(postgres, sizeof postgres, "%s/postgres", bin);
    snprintf(data, sizeof data, "%s/data", room);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        argv[n++] = "-c";
        argv[n++] = settings[i];
    }
    argv[n] = NULL;
    return begin(argv, room, log);
}

static int await(const char *dsn, const char *log, struct err *err)
{
    char said[200];
    for (int i = 0; i < START_LOOKS; i++) {
        if (PQping(dsn) == PQPING_OK)
            return 0;
        if (waitpid(server.pid, NULL, WNOHANG) != 0)
            break;
        poll(NULL, 0, LOOK_MS);
    }
    last_line(log, said);
    return err_set(err, "Postgres did not start: %s", said);
}

int postgres_start(const struct rehearsal *r, struct err *err)
{
    char bin[BIN_MAX], room[ROOM_MAX], log[REHEARSE_PATH_MAX];
    if (find_bin(bin, err) != 0 || find_user(err) != 0)
        return -1;
    snprintf(room, sizeof room, "%s/pg", r->folder);
    snprintf(log, sizeof log, "%s/pg.log", r->folder);
    if (mkdir(room, 0755) != 0 || (server.uid && chown(room, server.uid, server.gid) != 0))
        return err_set(err, "%s: %s", room, strerror(errno));
    if (make_cluster(bin, room, log, err) != 0)
        return -1;
    server.pid = serve(bin, room, log);
    return server.pid > 0 ? await(r->dsn, log, err) : err_set(err, "fork: %s", strerror(errno));
}

void postgres_stop(void)
{
    if (server.pid <= 0)
        return;
    kill(server.pid, SIGQUIT); // nothing of it is wanted any more
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
}

int postgres_is_empty(const char *dsn, struct err *err)
{
    PGconn *conn = PQconnectdb(dsn);
    PGresult *res = NULL;
    int rc = 0;
    if (PQstatus(conn) == CONNECTION_OK)
        res = PQexec(conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = "
                           "any(current_schemas(false)) ORDER BY 1 LIMIT 1");
    if (!res || PQresultStatus(res) != PGRES_TUPLES_OK)
        rc = err_set(err, "the database cannot be used: %s", PQerrorMessage(conn));
    else if (PQntuples(res) > 0)
        rc = err_set(err,
                     "the database holds tables already (%s): a rehearsal takes an empty one, and never one with a "
                     "ledger in it",
                     PQgetvalue(res, 0, 0));
    PQclear(res);
    PQfinish(conn);
    return rc;
}
