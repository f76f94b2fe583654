/* SPDX-License-Identifier: MIT */
/*
 * What each vhost-user message may hold and does to the device: one function and
 * one row of a table per message. See vhost_requests.h; how messages come and go is
 * in vhost_user.c. A message that asks for the impossible fails and changes nothing
 * that matters: a queue that is not whole does not run.
 */
#include "qemu/vsockd/vhost_requests.h"

#include "platform/error.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* The low byte of the u64 of KICK, CALL and ERR is the queue; this bit says "no descriptor". */
#define FILE_INDEX_MASK UINT64_C(0xff)
#define FILE_NONE       UINT64_C(0x100)

#define F_PROTOCOL_FEATURES  (UINT64_C(1) << 30)
#define F_VERSION_1          (UINT64_C(1) << 32)
#define OFFERED              (F_VERSION_1 | F_PROTOCOL_FEATURES)
#define PROTOCOL_F_REPLY_ACK (UINT64_C(1) << 3)
#define PROTOCOL_F_BACK_REQ  (UINT64_C(1) << 5)
#define PROTOCOL_F_CONFIG    (UINT64_C(1) << 9)
#define PROTOCOL_OFFERED     (PROTOCOL_F_REPLY_ACK | PROTOCOL_F_BACK_REQ | PROTOCOL_F_CONFIG)
#define VSOCK_CONFIG_SIZE    8 /* guest_cid, le64 */
#define CONFIG_HEADER_SIZE   ((uint32_t)offsetof(struct vhost_user_config, data))
#define MEMORY_HEADER_SIZE   ((uint32_t)offsetof(struct vhost_user_memory, regions))

enum request_id {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    RESET_OWNER = 4,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    SET_VRING_ERR = 14,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    SET_VRING_ENABLE = 18,
    SET_BACK_REQ_FD = 21,
    GET_CONFIG = 24,
    SET_CONFIG = 25,
};

static struct device_queue *queue_of(struct vhost_user *b, uint64_t index)
{
    return index < DEVICE_QUEUES ? &b->device->queues[index] : NULL;
}

static void replace_fd(int *slot, int fd)
{
    if (*slot >= 0)
        close(*slot);
    *slot = fd;
}

static int get_features(struct vhost_user *b, struct vhost_user_message *m)
{
    (void)b;
    m->payload.u64 = OFFERED;
    m->size = sizeof m->payload.u64;
    return MOTE_OK;
}

static int set_features(struct vhost_user *b, struct vhost_user_message *m)
{
    if ((m->payload.u64 & ~OFFERED) != 0)
        return MOTE_ERR_UNSUPPORTED;
    /* Without protocol features there is no SET_VRING_ENABLE; the queues are born enabled. */
    if ((m->payload.u64 & F_PROTOCOL_FEATURES) == 0) {
        b->device->queues[DEVICE_RX].enabled = true;
        b->device->queues[DEVICE_TX].enabled = true;
    }
    return MOTE_OK;
}

static int get_protocol_features(struct vhost_user *b, struct vhost_user_message *m)
{
    (void)b;
    m->payload.u64 = PROTOCOL_OFFERED;
    m->size = sizeof m->payload.u64;
    return MOTE_OK;
}

static int set_protocol_features(struct vhost_user *b, struct vhost_user_message *m)
{
    (void)b;
    return (m->payload.u64 & ~PROTOCOL_OFFERED) == 0 ? MOTE_OK : MOTE_ERR_UNSUPPORTED;
}

static int accept_silently(struct vhost_user *b, struct vhost_user_message *m)
{
    (void)b;
    (void)m;
    return MOTE_OK;
}

static int set_mem_table(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device *device = b->device;
    uint32_t count = m->payload.memory.count;
    int rc = MOTE_OK;

    if (count > GUEST_REGIONS_MAX || (uint32_t)b->fd_count != count ||
        m->size < MEMORY_HEADER_SIZE + count * sizeof(struct guest_region_layout))
        return MOTE_ERR_INVALID;
    guest_memory_clear(&device->memory);
    for (uint32_t i = 0; i < count && rc == MOTE_OK; i++) {
        struct guest_region_layout layout = m->payload.memory.regions[i];

        rc = guest_memory_add(&device->memory, &layout, b->fds[i]);
    }
    /* The memory may change under running queues; those that are not set up stay unmapped. */
    for (int i = 0; i < DEVICE_QUEUES; i++)
        device_map_queue(device, &device->queues[i]);
    return rc;
}

static int set_vring_num(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.state.index);

    if (queue == NULL || queue->kick_fd >= 0)
        return MOTE_ERR_INVALID;
    queue->ring.desc = NULL; /* the parts were checked for another size */
    return vring_set_size(&queue->ring, m->payload.state.num);
}

static int set_vring_addr(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.addr.index);

    if (queue == NULL)
        return MOTE_ERR_INVALID;
    queue->addresses.desc = m->payload.addr.desc;
    queue->addresses.avail = m->payload.addr.avail;
    queue->addresses.used = m->payload.addr.used;
    return device_map_queue(b->device, queue);
}

static int set_vring_base(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.state.index);

    if (queue == NULL || m->payload.state.num > UINT16_MAX)
        return MOTE_ERR_INVALID;
    queue->ring.index = (uint16_t)m->payload.state.num;
    queue->ring.broken = NULL;
    return MOTE_OK;
}

/* Asking for the base is how the front end stops a queue. */
static int get_vring_base(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.state.index);

    if (queue == NULL)
        return MOTE_ERR_INVALID;
    replace_fd(&queue->kick_fd, -1);
    queue->ring.desc = NULL;
    m->payload.state.num = queue->ring.index;
    m->size = sizeof m->payload.state;
    return MOTE_OK;
}

/* Takes the message's descriptor, or none when the message says so. */
static int take_fd(struct vhost_user *b, const struct vhost_user_message *m, int *slot)
{
    int wanted = (m->payload.u64 & FILE_NONE) != 0 ? 0 : 1;

    if (b->fd_count != wanted)
        return MOTE_ERR_INVALID;
    replace_fd(slot, wanted == 1 ? b->fds[0] : -1);
    b->fd_count = 0;
    return MOTE_OK;
}

static int set_vring_kick(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.u64 & FILE_INDEX_MASK);

    return queue == NULL ? MOTE_ERR_INVALID : take_fd(b, m, &queue->kick_fd);
}

static int set_vring_call(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.u64 & FILE_INDEX_MASK);

    return queue == NULL ? MOTE_ERR_INVALID : take_fd(b, m, &queue->call_fd);
}

static int set_vring_err(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.u64 & FILE_INDEX_MASK);

    return queue == NULL ? MOTE_ERR_INVALID : take_fd(b, m, &queue->err_fd);
}

static int set_vring_enable(struct vhost_user *b, struct vhost_user_message *m)
{
    struct device_queue *queue = queue_of(b, m->payload.state.index);

    if (queue == NULL)
        return MOTE_ERR_INVALID;
    queue->enabled = m->payload.state.num != 0;
    return MOTE_OK;
}

static int set_back_req_fd(struct vhost_user *b, struct vhost_user_message *m)
{
    (void)m;
    if (b->fd_count != 1)
        return MOTE_ERR_INVALID;
    replace_fd(&b->back_fd, b->fds[0]);
    b->fd_count = 0;
    b->asked = b->answered = 0;
    return MOTE_OK;
}

/* A reply without payload tells the front end that it failed. */
static int get_config(struct vhost_user *b, struct vhost_user_message *m)
{
    uint32_t offset = m->payload.config.offset;
    uint32_t size = m->payload.config.size;

    if (offset > VSOCK_CONFIG_SIZE || size > VSOCK_CONFIG_SIZE - offset ||
        m->size != CONFIG_HEADER_SIZE + size) {
        m->size = 0;
        return MOTE_ERR_INVALID;
    }
    memcpy(m->payload.config.data, (const uint8_t *)&b->guest_cid + offset, size);
    return MOTE_OK;
}

/* Nothing in the configuration of a vsock device can be written (section 5.10.4). */
static int set_config(struct vhost_user *b, struct vhost_user_message *m)
{
    (void)b;
    (void)m;
    return MOTE_ERR_UNSUPPORTED;
}

static const struct vhost_request requests[] = {
    [GET_FEATURES] = {get_features, 0, 0, 0, true},
    [SET_FEATURES] = {set_features, 8, 8, 0, false},
    [SET_OWNER] = {accept_silently, 0, 0, 0, false},
    [RESET_OWNER] = {accept_silently, 0, 0, 0, false},
    [SET_MEM_TABLE] = {set_mem_table, MEMORY_HEADER_SIZE, sizeof(struct vhost_user_memory),
                       GUEST_REGIONS_MAX, false},
    [SET_VRING_NUM] = {set_vring_num, 8, 8, 0, false},
    [SET_VRING_ADDR] = {set_vring_addr, 40, 40, 0, false},
    [SET_VRING_BASE] = {set_vring_base, 8, 8, 0, false},
    [GET_VRING_BASE] = {get_vring_base, 8, 8, 0, true},
    [SET_VRING_KICK] = {set_vring_kick, 8, 8, 1, false},
    [SET_VRING_CALL] = {set_vring_call, 8, 8, 1, false},
    [SET_VRING_ERR] = {set_vring_err, 8, 8, 1, false},
    [GET_PROTOCOL_FEATURES] = {get_protocol_features, 0, 0, 0, true},
    [SET_PROTOCOL_FEATURES] = {set_protocol_features, 8, 8, 0, false},
    [SET_VRING_ENABLE] = {set_vring_enable, 8, 8, 0, false},
    [SET_BACK_REQ_FD] = {set_back_req_fd, 0, 0, 1, false},
    [GET_CONFIG] = {get_config, CONFIG_HEADER_SIZE, sizeof(struct vhost_user_config), 0, true},
    [SET_CONFIG] = {set_config, CONFIG_HEADER_SIZE, sizeof(struct vhost_user_config), 0, false},
};

const struct vhost_request *vhost_request_find(uint32_t request)
{
    bool known = request < sizeof requests / sizeof requests[0] && requests[request].handle != NULL;

    return known ? &requests[request] : NULL;
}
