"""Every operating-system call that differs between Linux, macOS and Windows, and nothing else.

`files` makes files and folders durable, `locks` keeps other processes away, `processes` tells who
is alive, starts and ends programs, `terminal` reads keys and names the user.
"""
