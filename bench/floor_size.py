"""What a floor of a thousand devices costs: memory where all answer, CPU where none does.

One recording is served on more than a thousand loopback addresses, so that 300,000 readings are
held; then as many addresses that never answer are polled as often.

    python -m bench.floor_size [--devices 1210] [--interval 20]
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.poll_path import PORT, SHARED, cpu_s, fetch, free_port, replayed, wait_for

RECORDING = SHARED / "recordings" / "pdu" / "hpe-mapdu_pdu3.snmprec"  # 248 channels
SETTLE_S = 400


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--devices", type=int, default=1210)
    parser.add_argument("--interval", type=int, default=20)
    args = parser.parse_args()
    if not RECORDING.exists():
        sys.exit("the recordings are not beside the checkout; there is nothing to serve")
    with tempfile.TemporaryDirectory() as folder, replayed(args.devices, RECORDING) as addresses:
        measure(Path(folder), "answering", addresses, args.interval)
    with tempfile.TemporaryDirectory() as folder, socket.socket(type=socket.SOCK_DGRAM) as hole:
        hole.bind(("0.0.0.0", PORT))  # takes what is sent to any loopback address, and is not read
        silent = [f"127.3.{n // 200}.{n % 200 + 1}" for n in range(args.devices)]
        measure(Path(folder), "silent", silent, args.interval)


def measure(folder: Path, what: str, addresses: list[str], interval: int) -> None:
    """Run the agent on these devices; print its memory, and its CPU in a second of polling."""
    port = free_port()
    devices = "".join(
        f"      d{n}: {{address: '{address}:{PORT}'}}\n" for n, address in enumerate(addresses)
    )
    floor = folder / "floor.yaml"
    floor.write_text(
        f"floor: rackproof.floor/1\nlisten: 127.0.0.1:{port}\n"
        "credentials:\n  lab: {version: 2c, community: public}\n"
        f"defaults: {{credentials: lab, interval: {interval} s}}\n"
        f"bays:\n  bay-01:\n    devices:\n{devices}"
    )
    command = [str(Path(sys.executable).with_name("rackproof")), "run", str(floor)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as agent:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/-/ready", SETTLE_S)
            time.sleep(2 * interval)
            page = fetch(f"{url}/metrics")
            series = page.count(b"\nrackproof_") - page.count(b"\nrackproof_device_")
            cpu = cpu_s(agent.pid)
            time.sleep(2 * interval)
            load = (cpu_s(agent.pid) - cpu) / (2 * interval)
            print(
                f"{len(addresses)} {what} devices, {series} series on the page: "
                f"{resident_mib(agent.pid):.0f} MiB, {load * 100:.1f} % of a core"
            )
        finally:
            agent.terminate()


def resident_mib(pid: int) -> float:
    """Return the memory of a process that is in use."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
