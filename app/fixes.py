"""The repairs that can be made in the copy, so that it starts and works elsewhere; they never touch the sandbox."""

from __future__ import annotations

FIXES = {
    "device-names": "Disks are named by their UUID in /etc/fstab and the boot loader, not by their place.",
    "missing-disks": "Disks that stay behind no longer hold up the start of the copy (nofail).",
    "network": "The network takes its address from the target (DHCP), on whatever card it has there.",
    "nic-rules": "Rules that tie the network to today's card are removed.",
    "virtio": "The start-up image gets the disk drivers of today's clouds, VMware and VirtualBox.",
    "cloud-init": "cloud-init looks for its data where the target offers it.",
    "console": "Start-up messages and a login are shown on the serial line as well.",
}
