"""What Linux itself refuses to a process that has given it up: system calls (seccomp) and writing files (Landlock).

Neither needs a privilege, and both hold for native code. Sources: https://docs.kernel.org/userspace-api/seccomp_filter.html
and https://docs.kernel.org/userspace-api/landlock.html; numbers from the kernel's uapi headers. Given up is given up:
nothing brings it back to the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

NO_NEW_PRIVILEGES = 38  # of prctl
FILTER_MODE, ALL_THREADS = 1, 1  # of seccomp
THREAD = 0x10000  # of clone's flags: a thread of this process, not another process
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # what a filter answers; the latter with an error number
X32 = 0x40000000  # bit of x86's second set of numbers

# Instructions of classic BPF.
LOAD, IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in what a filter is shown

# By machine: its code, then the numbers of system calls.
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP = {"x86_64": 317, "aarch64": 277}
NETWORK = {
    "x86_64": (41, 42, 43, 49, 50, 288),  # socket, connect, accept, bind, listen, accept4
    "aarch64": (198, 203, 202, 200, 201, 242),
}
PROCESSES = {
    "x86_64": (57, 58, 59, 322),  # fork, vfork, execve, execveat
    "aarch64": (221, 281),
}
CLONE, CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
SIGNALS = {"x86_64": (62, 234, 129, 297), "aarch64": (129, 131, 138, 240)}  # kill, tgkill, and with a value
# Other processes' memory; kernel, mounts, keys; io_uring, which goes around filters; owners, modes and attributes.
OTHERS = {
    "x86_64": (
        *(101, 310, 311, 200, 424, 434, 438, 425, 165, 166, 155, 161, 308, 272, 321, 298, 323, 248, 249, 250),
        *(175, 313, 176, 246, 320, 169, 304, 428, 429, 430, 431, 432, 433, 133, 259),
        *(90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199),
    ),
    "aarch64": (
        *(117, 270, 271, 130, 424, 434, 438, 425, 40, 39, 41, 51, 268, 97, 280, 241, 282, 217, 218, 219),
        *(105, 273, 106, 104, 294, 142, 265, 428, 429, 430, 431, 432, 433, 33),
        *(52, 53, 452, 54, 55, 5, 6, 7, 14, 15, 16),
    ),
}

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
WRITES = WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # remove and make whatever there can be in a folder
SINCE = {2: 1 << 13, 3: TRUNCATE}  # by version of Landlock: moving between folders, cutting files
BENEATH = 1  # the kind of rule: what is below a folder


def refuse_calls(*, network: bool) -> bool:
    """Has the kernel refuse other processes, signals to them, and (unless network) sockets, to this process.

    Holds for all its threads, now and later. Returns whether it does; where the kernel cannot, nothing is changed.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in MACHINES:
        return False
    steps = list(_filter(machine, network))
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    described = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(program)))
    return _no_new_privileges() and _call(SECCOMP[machine], FILTER_MODE, ALL_THREADS, described) == 0


def refuse_writes(folder: Path) -> bool:
    """Has the kernel refuse this thread, and those it starts, to make or change any file outside the folder.

    What is open already stays so. Returns whether it holds.
    """
    version = _call(CREATE_RULESET, None, 0, 1) if sys.platform == "linux" else 0
    if version < 1:
        return False
    writes = WRITES | sum(right for since, right in SINCE.items() if version >= since)
    rules = _call(CREATE_RULESET, ctypes.create_string_buffer(struct.pack("Q", writes), 8), 8, 0)
    if rules < 0:
        return False
    try:
        allowed = (folder, writes), (Path(os.devnull), writes & (WRITE_FILE | TRUNCATE))
        held = all(_allow(rules, path, rights) for path, rights in allowed) and _no_new_privileges()
        return held and _call(RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, rights: int) -> bool:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        return _call(ADD_RULE, rules, BENEATH, ctypes.create_string_buffer(struct.pack("=Qi", rights, place)), 0) == 0
    finally:
        os.close(place)


def _filter(machine: str, network: bool) -> Iterator[tuple[int, int, int, int]]:
    """The filter's instructions: (code, steps to skip if so, steps to skip if not, value)."""
    refused = REFUSE | errno.EPERM
    yield LOAD, 0, 0, ARCHITECTURE
    yield IF_EQUAL, 1, 0, MACHINES[machine]
    yield ANSWER, 0, 0, refused
    yield LOAD, 0, 0, NUMBER
    if machine == "x86_64":
        yield from _answered_if(IF_AT_LEAST, X32, refused)
    for number in _refused(machine, PROCESSES, OTHERS, *(() if network else (NETWORK,))):
        yield from _answered_if(IF_EQUAL, number, refused)
    yield from _answered_if(IF_EQUAL, CLONE3, REFUSE | errno.ENOSYS)  # its flags cannot be seen; libraries then clone
    yield from _unless(CLONE[machine], IF_ANY_BIT, THREAD, refused)
    for number in SIGNALS[machine]:
        yield from _unless(number, IF_EQUAL, os.getpid(), refused)
    yield ANSWER, 0, 0, ALLOW


def _refused(machine: str, *kinds: Mapping[str, Sequence[int]]) -> Iterator[int]:
    for kind in kinds:
        yield from kind[machine]


def _answered_if(code: int, value: int, answer: int) -> Iterator[tuple[int, int, int, int]]:
    yield code, 0, 1, value
    yield ANSWER, 0, 0, answer


def _unless(number: int, code: int, value: int, answer: int) -> Iterator[tuple[int, int, int, int]]:
    """A call is allowed only with such a first argument."""
    yield IF_EQUAL, 0, 4, number
    yield LOAD, 0, 0, FIRST_ARGUMENT
    yield code, 0, 1, value
    yield ANSWER, 0, 0, ALLOW
    yield ANSWER, 0, 0, answer


def _no_new_privileges() -> bool:
    """What the kernel wants before it takes filters from anybody."""
    return int(ctypes.CDLL(None, use_errno=True).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)) == 0


def _call(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | None) -> int:
    """A system call; -1 where it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    passed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(library.syscall(ctypes.c_long(number), *passed))
