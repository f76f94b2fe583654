/* SPDX-License-Identifier: MIT */
/* PCI configuration space, as far as virtio needs it (PCI Local Bus 3.0, chapter 6). */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_CAPABILITIES_MAX 48 /* what 192 bytes hold at four bytes each */

enum pci_capability {
    PCI_CAP_VENDOR = 0x09,
    PCI_CAP_MSIX = 0x11,
};

/* Calls visit for every function of every bus that can be reached, until it returns true.
 * Returns whether one did. id: device id << 16 | vendor id. */
bool pci_visit(bool (*visit)(uint16_t bdf, uint32_t id, void *context), void *context);

/* The next capability with this id behind offset after (0: the first); 0 when there is none.
 * The list is the device's and may have a loop: a walk that goes on after each must count to
 * PCI_CAPABILITIES_MAX, as each call does by itself. */
uint8_t pci_capability_next(uint16_t bdf, enum pci_capability id, uint8_t after);

/* Configuration space as bytes and half words. */
uint8_t pci_read8(uint16_t bdf, uint16_t offset);
uint16_t pci_read16(uint16_t bdf, uint16_t offset);

/* Lets the function answer memory accesses and write to memory. */
void pci_enable(uint16_t bdf);

/*
 * Maps len bytes at offset of a memory BAR. NULL: bar > 5, an I/O BAR, one without an
 * address, or offset + len outside its size.
 */
void *pci_map_bar(uint16_t bdf, uint8_t bar, uint32_t offset, uint32_t len);

#endif
