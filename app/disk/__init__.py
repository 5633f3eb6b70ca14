"""Disk images: what a file is, conversion by qemu-img, what a target accepts, and the boot test."""
