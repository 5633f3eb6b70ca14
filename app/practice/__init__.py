"""The rehearsal: a practice cloud, machine and upload servers inside this program, on this computer only.

What is practice: the cloud (it speaks OpenStack's language and keeps a small disk), the sandbox (a folder that
answers like a machine), the upload servers. Everything that this program does with them is real.
"""
