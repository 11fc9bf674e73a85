"""A private engine shares nothing with the host nor with the engine of another home."""

from __future__ import annotations

from pathlib import Path

from dockwright.clients import engine_remains, engine_site, forwarding, private_engine
from dockwright.workspace import Workspace

LONG_HOME = Path("/home") / ("x" * 100) / ("y" * 100)
MOUNTINFO = """\
30 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
90 30 254:0 / /home/a\\040b/engine/data rw shared:1 - ext4 /dev/vda rw
91 90 0:50 / /home/a\\040b/engine/data/rootfs/1 rw shared:2 - overlay overlay rw
92 90 0:50 / /home/a\\040b/engine/data/rootfs/1 rw shared:2 - overlay overlay rw
93 30 0:51 / /home/a\\040b/engine-of-another rw shared:3 - tmpfs tmpfs rw
"""


def site(home: Path) -> engine_site.Site:
    return engine_site.site(Workspace(root=Path("/checkout"), home=home))


def test_a_long_home_keeps_socket_and_bridge_within_the_kernels_limits() -> None:
    place = site(LONG_HOME)
    longest = place.run_path / "exec" / "containerd" / "containerd-debug.sock"
    assert len(str(longest)) <= 107
    assert len(place.bridge) <= 15


def test_two_homes_share_neither_socket_nor_bridge() -> None:
    one, other = site(Path("/home/one")), site(Path("/home/other"))
    assert one.socket_path != other.socket_path
    assert one.bridge != other.bridge


def test_the_daemon_leaves_the_hosts_network_rules_alone() -> None:
    place = site(Path("/home/one"))
    config = private_engine.daemon_config(place, cache_bytes=1)
    for setting in ("iptables", "ip6tables", "ip-forward", "ip-masq"):
        assert config[setting] is False, setting
    assert config["bridge"] == place.bridge
    assert config["features"] == {"containerd-snapshotter": True}


def test_every_path_of_the_daemon_is_in_the_home_or_its_own_run_folder() -> None:
    place = site(Path("/home/one"))
    config = private_engine.daemon_config(place, cache_bytes=1)
    paths = [Path(str(v)) for v in config.values() if str(v).startswith("/")]
    assert len(paths) == 4
    for path in paths:
        assert path.is_relative_to(place.engine_path) or path.is_relative_to(place.run_path)


def test_mounts_are_found_innermost_first_and_stacked_ones_twice() -> None:
    folder = Path("/home/a b/engine")
    data = folder / "data"
    inner = data / "rootfs" / "1"
    assert engine_remains.mounts_below(MOUNTINFO, [folder]) == (inner, inner, data)


def test_a_drop_policy_matters_only_when_bridges_pass_through_it() -> None:
    rules = "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n"
    assert forwarding.cuts_off(rules, bridge_netfilter=True)
    assert not forwarding.cuts_off(rules, bridge_netfilter=False)
    assert not forwarding.cuts_off("-P FORWARD ACCEPT\n", bridge_netfilter=True)
