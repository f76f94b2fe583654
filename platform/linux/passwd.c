/* SPDX-License-Identifier: MIT */
/*
 * Byte by byte through a small buffer: a file and its lines may be as long as they like. A line
 * is name:password:uid:gid:comment:home:shell.
 */
#include "platform/linux/passwd.h"

#include "platform/linux/files.h"
#include "platform/linux/sys.h"

#include <string.h>

#define READ_SIZE 4096

/* As an id this means "leave it as it is" to chown(2). */
#define NO_ID UINT32_MAX

/* A line that is being read, as far as it may be the one that is looked for. */
struct line {
    const char *name;
    size_t name_len;
    struct user *user;
    size_t field;
    size_t at; /* bytes of the field so far */
    bool fits;
};

static bool take_name(struct line *l, char c)
{
    return l->at < l->name_len && l->name[l->at] == c;
}

static bool take_digit(unsigned *id, size_t at, char c)
{
    uint64_t value = (at == 0 ? 0 : (uint64_t)*id * 10) + (uint64_t)(c - '0');

    *id = (unsigned)value;
    return c >= '0' && c <= '9' && value < NO_ID;
}

static bool take_uid(struct line *l, char c)
{
    return take_digit(&l->user->uid, l->at, c);
}

static bool take_gid(struct line *l, char c)
{
    return take_digit(&l->user->gid, l->at, c);
}

static bool take_home(struct line *l, char c)
{
    if (c == '\0' || l->at + 1 >= PASSWD_HOME_MAX || (l->at == 0 && c != '/'))
        return false;
    l->user->home[l->at] = c;
    l->user->home[l->at + 1] = '\0';
    return true;
}

static bool take_shell(struct line *l, char c)
{
    bool has_room = l->at + 1 < PASSWD_SHELL_MAX;

    l->user->shell[has_room ? l->at : 0] = has_room ? c : '\0';
    l->user->shell[has_room ? l->at + 1 : 0] = '\0';
    return true;
}

static bool take_any(struct line *l, char c)
{
    (void)l, (void)c;
    return true;
}

static const struct {
    bool (*take)(struct line *l, char c);
    bool may_be_empty;
} fields[] = {
    {take_name, false}, {take_any, true},   {take_uid, false},  {take_gid, false},
    {take_any, true},   {take_home, false}, {take_shell, true},
};
#define LAST_FIELD (sizeof fields / sizeof fields[0] - 1)

static void begin_line(struct line *l)
{
    l->field = l->at = 0;
    l->fits = true;
    l->user->shell[0] = '\0';
}

static bool field_is_whole(const struct line *l)
{
    return (fields[l->field].may_be_empty || l->at > 0) && (l->field != 0 || l->at == l->name_len);
}

static void take_byte(struct line *l, char c)
{
    if (c == ':' && l->field < LAST_FIELD) {
        l->fits = field_is_whole(l);
        l->field++;
        l->at = 0;
    } else {
        l->fits = fields[l->field].take(l, c);
        l->at++;
    }
}

/* True: the line in *l is the one; what is behind it is not looked at. */
static bool take_bytes(struct line *l, const char *s, size_t n)
{
    for (const char *end = s + n; s < end; s++) {
        if (!l->fits && (s = memchr(s, '\n', (size_t)(end - s))) == NULL)
            return false;
        if (*s != '\n')
            take_byte(l, *s);
        else if (l->fits && l->field == LAST_FIELD)
            return true;
        else
            begin_line(l);
    }
    return false;
}

static long search(int fd, struct line *l)
{
    char buf[READ_SIZE];
    long n;

    while ((n = sys_read(fd, buf, sizeof buf)) > 0)
        if (take_bytes(l, buf, (size_t)n))
            return 0;
    if (n < 0)
        return n;
    return take_bytes(l, "\n", 1) ? 0 : -ENOENT; /* the last line may lack its end */
}

const char *passwd_path(void)
{
    return files_option("mote.passwd", "/etc/passwd");
}

long passwd_find(const char *name, size_t n, struct user *user)
{
    struct line line = {.name = name, .name_len = n, .user = user};
    long fd = sys_open(passwd_path(), O_RDONLY | O_NONBLOCK, 0);

    begin_line(&line);
    if (fd < 0)
        return fd;
    long result = search((int)fd, &line);
    sys_close((int)fd);
    return result;
}
