/* SPDX-License-Identifier: MIT */
/*
 * Faults by name: finding, starting and ending them, and those that only leave
 * something undone. See fault.h.
 */
#include "qemu/vsockd/fault.h"

#include <string.h>

const struct fault_row fault_lasting[] = {
    {.name = "stop", .what = "looks at no queue", .lasting = FAULT_HOLD_RX | FAULT_HOLD_TX},
    {.name = "rx-stop", .what = "gives no packet to the guest", .lasting = FAULT_HOLD_RX},
    {.name = "tx-stop", .what = "takes no packet of the guest", .lasting = FAULT_HOLD_TX},
    {.name = "mute", .what = "sends no interrupts", .lasting = FAULT_MUTE},
    {.name = "config-storm",
     .what = "changes the configuration's generation all the time",
     .lasting = FAULT_CONFIG_STORM},
    {.name = NULL},
};

static const struct fault_row *const tables[] = {fault_packets, fault_rings, fault_lasting};

const struct fault_row *fault_find(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct fault_row *row = tables[i]; row->name != NULL; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

void fault_print(FILE *to)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct fault_row *row = tables[i]; row->name != NULL; row++)
            fprintf(to, "  %-16s%s %s\n", row->name, row->needs_victim ? "P" : " ", row->what);
}

void faults_init(struct faults *faults, struct device *device)
{
    *faults = (struct faults){.device = device};
}

static struct vsock_conn *find_victim(const struct vsock_machine *m, uint64_t port)
{
    for (int i = 0; i < m->conn_count; i++)
        if (m->conns[i].state == VSOCK_OPEN && m->conns[i].local_port == port)
            return &m->conns[i];
    return NULL;
}

const char *faults_start(struct faults *faults, const struct fault_row *row, uint64_t victim_port)
{
    struct vsock_conn *victim = find_victim(faults->device->machine, victim_port);

    if (!faults->device->running)
        return "there is no guest";
    if (row->needs_victim && victim == NULL)
        return "no open connection has this port";
    if (row->spoil != NULL && row->queue == FAULT_EVENT && !faults_open_event_queue(faults))
        return "the event queue is not known";
    if (row->lasting != 0) {
        faults->lasting |= row->lasting;
        faults->device->mute = (faults->lasting & FAULT_MUTE) != 0;
        return NULL;
    }
    if (faults->row != NULL)
        return "another fault has not struck yet";
    faults->row = row;
    faults->victim = victim;
    faults->sent = 0;
    return NULL;
}

void faults_end(struct faults *faults)
{
    faults->row = NULL;
    faults->lasting = 0;
    faults->device->mute = false;
}

int faults_run(struct faults *faults)
{
    if (faults->row == NULL || !faults->device->running)
        return 0;
    return faults->row->packets != 0 ? fault_send_packets(faults) : fault_spoil_ring(faults);
}

bool faults_busy(const struct faults *faults)
{
    const struct fault_row *row = faults->row;

    return row != NULL && (row->packets != 0 || row->queue != FAULT_TX);
}

bool faults_hold(const struct faults *faults, enum device_queue_index queue)
{
    return (faults->lasting & (queue == DEVICE_RX ? FAULT_HOLD_RX : FAULT_HOLD_TX)) != 0;
}
