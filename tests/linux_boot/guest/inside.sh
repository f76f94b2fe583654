#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs one script after the other for tests/linux_boot/inside.py, over a serial port that mote knows
# nothing of. To us: how long it is, and it. Back: its status, how much it said, and that.
set -eu
until port=$(ls /dev/vport* 2>/dev/null); do usleep 10000; done
exec 3<>"$port"
echo up >&3
while read -r size <&3; do
    head -c "$size" <&3 >/tmp/inside.script
    status=0
    sh /tmp/inside.script >/tmp/inside.said 2>&1 3>&- </dev/null || status=$?
    echo "$status $(stat -c %s /tmp/inside.said)" >&3
    cat /tmp/inside.said >&3
done
