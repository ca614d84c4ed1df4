# SPDX-License-Identifier: Apache-2.0
"""A client of an attach socket that tries to have more than it was granted:

    served.py LIBRARY SOCKET

prints one object: its rights to the segments of a plane of four, and what
really came of each attempt to write. Standard library alone, so that it runs
in a namespace that shares nothing but the socket."""
import ctypes
import json
import mmap
import os
import signal
import sys

SEGMENTS_MAX = 64


class Objects(ctypes.Structure):
    _fields_ = [("control", ctypes.c_int), ("segments", ctypes.c_uint32),
                ("leases", ctypes.c_int * SEGMENTS_MAX),
                ("data", ctypes.c_int * SEGMENTS_MAX)]


class Segment(ctypes.Structure):
    _fields_ = [("segment", ctypes.c_uint32), ("right", ctypes.c_uint32),
                ("first", ctypes.c_uint32), ("strides", ctypes.c_uint32),
                ("leases_offset", ctypes.c_uint64),
                ("leases_size", ctypes.c_uint64),
                ("data_offset", ctypes.c_uint64),
                ("data_size", ctypes.c_uint64)]


def attach(lib, socket, flags=0):
    error = ctypes.create_string_buffer(1024)
    plane = ctypes.c_void_p()
    if lib.aether_plane_attach(socket.encode(), flags, error,
                               ctypes.byref(plane)) < 0:
        sys.exit(error.raw[8:].split(b"\0")[0].decode())
    return plane


def tried(what):
    """"done", or the name of the error."""
    try:
        what()
        return "done"
    except OSError as error:
        return os.strerror(error.errno)


def store(lib, socket, number):
    """In a child that attaches anew: a store into the first data byte of the
    segment. "done", or the signal that it got."""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status)).name
        return "done" if status == 0 else f"status {status}"
    plane = attach(lib, socket)
    is_ = Segment()
    lib.aether_segment_look(plane, number, ctypes.byref(is_))
    ctypes.memset(lib.aether_plane_base(plane) + is_.data_offset, 1, 1)
    os._exit(0)


def protect(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
                          ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    at = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if libc.mprotect(at, 4096, mmap.PROT_READ | mmap.PROT_WRITE) < 0:
        raise OSError(ctypes.get_errno(), "mprotect")


def main(library, socket):
    lib = ctypes.CDLL(library)
    lib.aether_plane_base.restype = ctypes.c_void_p
    plane, is_, objects = attach(lib, socket), Segment(), Objects()
    lib.aether_plane_objects(plane, ctypes.byref(objects))
    found = {"uid": os.getuid(), "rights": [], "stores": []}
    for number in range(objects.segments):
        lib.aether_segment_look(plane, number, ctypes.byref(is_))
        found["rights"].append(is_.right)
        found["stores"].append(store(lib, socket, number))
    fd = objects.data[1]
    found["map"] = tried(lambda: mmap.mmap(fd, 4096, mmap.MAP_SHARED,
                                           mmap.PROT_READ | mmap.PROT_WRITE))
    found["protect"] = tried(lambda: protect(fd))
    found["write"] = tried(lambda: os.pwrite(fd, b"x", 0))
    found["reopen"] = tried(lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR))
    me = ctypes.c_void_p()
    error = ctypes.create_string_buffer(1024)
    found["joined"] = lib.aether_participant_join(plane, None, error,
                                                  ctypes.byref(me)) == 0
    if found["joined"]:
        lib.aether_participant_leave(me)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
