"""The kernel's forwarding rules in, whether they cut containers of one network from each other out.

With bridge netfilter on, packets between two ports of a bridge pass the FORWARD chain; another
Docker sets its policy to DROP and then lets only its own networks through.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from dockwright import process
from dockwright.errors import ProcessError

BRIDGE_NETFILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


def containers_are_cut_off(search_path: str) -> bool | None:
    """Tell whether names resolve but connections between containers hang; None if unknown."""
    if not BRIDGE_NETFILTER.is_file():
        return False
    iptables = shutil.which("iptables", path=search_path)
    if iptables is None:
        return None
    try:
        rules = process.run((iptables, "-S", "FORWARD"), timeout_s=30)
    except ProcessError:  # as a user who is not root
        return None
    called = BRIDGE_NETFILTER.read_text(encoding="utf-8").strip() == "1"
    return cuts_off(rules, bridge_netfilter=called)


def cuts_off(rules: str, *, bridge_netfilter: bool) -> bool:
    """Decide it from `iptables -S FORWARD`."""
    drops = re.search(r"^-P FORWARD (DROP|REJECT)$", rules, re.MULTILINE) is not None
    return bridge_netfilter and drops
