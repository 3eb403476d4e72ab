#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps the two emulated hosts: one process that starts both QEMUs with a
wire between them and a TPM 2.0 each (swtpm), and writes each line of their
serial ports to a file with the time it came (CLOCK_MONOTONIC, the one clock
for both hosts).

    keeper.py RUNDIR BASE SEED-A SEED-B LACKS-B [hold]

LACKS-B, which may be empty: what B's processor has not, of what A's has.
RUNDIR/lock is locked while the keeper lives.  SIGTERM ends it and both
hosts; with "hold", so does the end of its standard input.
"""
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

CPU = "max,smap=off,smep=off,+svm,+npt,rdtscp=off,xsave=off,avx=off,avx2=off"
XEN = ("dom0_mem=1024M,max:1024M console=com1 com1=115200,8n1 noreboot "
       "guest_loglvl=all bootscrub=0 spec-ctrl=no")
DOM0 = "console=hvc0 net.ifnames=0 mitigations=off quiet"
PR_SET_PDEATHSIG = 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def command(name, base, seed, lacks, port, wire_fd):
    """QEMU's command line.  Each -cpu flag is needed: with SMAP or SMEP a
    PV dom0 dies, without rdtscp=off PVH guests die, with xsave or AVX the
    migration stream is corrupted."""
    mac = "52:54:00:9a:%02x:01" % (ord(name) - ord("A") + 1)
    args = [
        "qemu-system-x86_64", "-name", "rig-" + name, "-nodefaults",
        "-display", "none", "-no-user-config", "-machine", "pc",
        "-accel", "tcg,thread=multi", "-cpu", CPU + lacks, "-m", "2560", "-smp", "1",
        "-kernel", base + "/xen", "-append", XEN,
        "-initrd", "%s/vmlinux %s,%s/initrd" % (base, DOM0, base),
        "-drive", "file=%s/root.img,format=raw,if=ide,index=0,snapshot=on" % base,
        "-drive", "file=%s,format=raw,if=ide,index=1,snapshot=on" % seed,
        "-netdev", "socket,id=wire,fd=%d" % wire_fd,
        "-device", "e1000,id=eth0,netdev=wire,mac=" + mac,
        "-netdev", "user,id=agent,restrict=on,net=10.0.2.0/24,"
                   "hostfwd=tcp:127.0.0.1:%d-10.0.2.15:4000" % port,
        "-device", "e1000,id=eth1,netdev=agent",
        "-qmp", "unix:qmp-%s,server=on,wait=off" % name,
        "-serial", "stdio",
        "-chardev", "socket,id=tpm,path=tpm-%s.sock" % name,
        "-tpmdev", "emulator,id=tpm0,chardev=tpm",
        "-device", "tpm-tis,tpmdev=tpm0",
    ]
    if name == "A":
        args += ["-object", "filter-dump,id=dump,netdev=wire,file=wire.pcap,"
                            "maxlen=65600"]
    return args


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def stamp(pipe, path):
    """One stamped line for each line that comes; a line is dated by its
    first byte."""
    with open(path, "ab", buffering=0) as log:
        start, line = None, b""
        while True:
            data = os.read(pipe.fileno(), 65536)
            now = time.monotonic()
            if not data:
                return
            for part in data.splitlines(keepends=True):
                start = start or now
                line += part
                if part.endswith((b"\n", b"\r")):
                    text = line.strip()
                    if text:
                        log.write(b"%.6f %s\n" % (start, text))
                    start, line = None, b""


def make_tpm(name):
    """A new TPM, as its maker delivers it: state in tpm-NAME, endorsement
    keys with certificates."""
    os.mkdir("tpm-" + name, 0o700)
    subprocess.run(
        ["swtpm_setup", "--tpm2", "--tpmstate", "tpm-" + name,
         "--create-ek-cert", "--lock-nvram", "--pcr-banks", "sha256",
         "--config", "maker/setup.conf", "--vmid", "rig-" + name,
         "--logfile", "tpm-%s.log" % name],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def make_tpms():
    """Both, and their maker: a certificate authority in maker/."""
    here = os.path.join(os.getcwd(), "maker")
    os.mkdir(here, 0o700)
    for name, text in (
            ("setup.conf", "create_certs_tool=/usr/bin/swtpm_localca\n"
             "create_certs_tool_config=%s/ca.conf\n"
             "create_certs_tool_options=%s/ca.options\n" % (here, here)),
            ("ca.options", "--platform-manufacturer rig\n--platform-model rig\n"
             "--platform-version 1\n"),
            ("ca.conf", "statedir = %s\nsigningkey = %s/key.pem\n"
             "issuercert = %s/issuer.pem\ncertserial = %s/serial\n"
             % (here, here, here, here))):
        with open(os.path.join(here, name), "w") as file:
            file.write(text)
    for name in "AB":
        make_tpm(name)


def start_tpm(name):
    """swtpm for a host; QEMU resets it when it resets the host."""
    if os.path.exists("tpm-%s.sock" % name):
        os.unlink("tpm-%s.sock" % name)
    log = open("tpm-%s.log" % name, "ab")
    process = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=tpm-" + name,
         "--ctrl", "type=unixio,path=tpm-%s.sock" % name],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        preexec_fn=end_with_parent)
    while not os.path.exists("tpm-%s.sock" % name):
        if process.poll() is not None:
            raise RuntimeError("swtpm ended with %d" % process.returncode)
        time.sleep(0.05)
    return process


def launch(base, seeds, lacks, tpms):
    """Both QEMUs, or None if a port was taken in between.  lacks: see above;
    tpms: gets each host's swtpm."""
    ends = socket.socketpair()
    ports = {name: free_port() for name in "AB"}
    hosts = {}
    for name, end in zip("AB", ends):
        tpms[name] = start_tpm(name)
        hosts[name] = subprocess.Popen(
            command(name, base, seeds[name], lacks[name], ports[name],
                    end.fileno()),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open("qemu-%s.err" % name, "wb"), pass_fds=[end.fileno()],
            preexec_fn=end_with_parent)
    for end in ends:
        end.close()
    time.sleep(1)
    if any(p.poll() is not None for p in hosts.values()):
        end_all(hosts, tpms)
        return None
    return hosts, ports


def end_all(hosts, tpms):
    """QEMUs first: a TPM ends with its host."""
    for group in (hosts, tpms):
        for process in group.values():
            process.kill()
            process.wait()


def main():
    rundir, base, seed_a, seed_b, lacks = sys.argv[1:6]
    hold = sys.argv[6:] == ["hold"]
    os.chdir(rundir)
    lock = open("lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.environ["TMPDIR"] = rundir      # where snapshot=on puts its writes
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    make_tpms()
    tpms = {}
    for _ in range(3):
        started = launch(base, {"A": seed_a, "B": seed_b},
                         {"A": "", "B": "," + lacks if lacks else ""}, tpms)
        if started:
            break
    else:
        with open("failed", "w") as file:
            file.write(open("qemu-A.err").read() + open("qemu-B.err").read())
        return 1
    hosts, ports = started
    for name, process in hosts.items():
        threading.Thread(target=stamp, daemon=True,
                         args=(process.stdout, "serial-%s.log" % name)).start()
    state = {"pid": os.getpid(), "started": time.monotonic(), "base": base,
             "hosts": {n: {"port": ports[n], "pid": hosts[n].pid,
                           "tpm": tpms[n].pid} for n in "AB"}}
    with open("state.new", "w") as file:
        json.dump(state, file)
    os.rename("state.new", "state")
    if hold:
        threading.Thread(target=lambda: (os.read(0, 1), stop.set()),
                         daemon=True).start()
    while not stop.wait(0.5):
        if any(p.poll() is not None for p in hosts.values()):
            break
    end_all(hosts, tpms)
    os.unlink("state")
    return 0


if __name__ == "__main__":
    sys.exit(main())
