"""How network settings are rewritten to DHCP on any card: pure text."""

from __future__ import annotations

import pytest

from app.disk.guest import cards, cloud_init, dhcp
from app.disk.guest.change import Change


def test_netplan_with_a_fixed_address() -> None:
    text = "network:\n  ethernets:\n    ens3:\n      addresses: [10.0.0.5/24]\n      gateway4: 10.0.0.1\n"
    after = dhcp.netplan({"a.yaml": text})
    assert after
    assert 'name: "e*"' in after
    assert "dhcp4: true" in after
    assert dhcp.netplan({"a.yaml": after}) is None


def test_netplan_of_cloud_init_is_tied_to_a_card() -> None:
    text = "network:\n  ethernets:\n    ens3:\n      dhcp4: true\n      match:\n        macaddress: fa:16:3e:00:00:01\n"
    assert dhcp.netplan({"50-cloud-init.yaml": text})


def test_netplan_keeps_who_does_the_work() -> None:
    after = dhcp.netplan({"a.yaml": "network:\n  renderer: NetworkManager\n  ethernets:\n    eth0: {dhcp4: true}\n"})
    assert after
    assert "renderer: NetworkManager" in after
    assert dhcp.netplan({"a.yaml": "network:\n  renderer: NetworkManager\n"}) is None
    assert dhcp.netplan({}) is None


def test_bridges_are_left_to_their_owner() -> None:
    with pytest.raises(dhcp.TooMuch):
        dhcp.netplan({"a.yaml": "network:\n  ethernets:\n    ens3: {}\n  bridges:\n    br0: {}\n"})
    with pytest.raises(dhcp.TooMuch):
        dhcp.interfaces({"i": "iface br0 inet static\n  bridge_ports eth0\n"})
    with pytest.raises(dhcp.TooMuch):
        dhcp.ifcfg("DEVICE=eth0\nBRIDGE=br0\n", any_card=True)


@pytest.mark.parametrize(
    ("text", "tied"),
    [
        ("[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n", False),
        ("[Match]\nName=ens3\n[Network]\nDHCP=yes\n", True),
        ("[Match]\nName=en*\n[Network]\nAddress=10.0.0.2/24\n", True),
        ("[Match]\nMACAddress=52:54:00:12:34:56\n[Network]\nDHCP=yes\n", True),
        ("[Match]\nName=docker0 wg0\n[Network]\nAddress=10.0.0.2/24\n", False),
        ("[Match]\nType=ether\n[Network]\nDHCP=yes\n", False),
        ("", False),
    ],
)
def test_networkd(text: str, tied: bool) -> None:
    assert dhcp.networkd(text) is tied
    assert dhcp.networkd(dhcp.NETWORKD) is False


def test_interfaces_with_a_fixed_address() -> None:
    text = "auto lo\niface lo inet loopback\nauto ens3\niface ens3 inet static\n address 10.0.0.4\n"
    after = dhcp.interfaces({"i": text})
    assert after
    assert "iface lo inet loopback" in after
    for card in ("eth0", "ens3", "enp0s3", "ens160"):
        assert f"allow-hotplug {card}\niface {card} inet dhcp\n" in after
    assert "10.0.0.4" not in after


def test_interfaces_that_fit_stay() -> None:
    assert dhcp.interfaces({"i": "iface lo inet loopback\n"}) is None
    assert dhcp.interfaces({"i": "auto eth0\niface eth0 inet dhcp\n"}, old_names=True) is None
    assert dhcp.interfaces({"i": "auto eth0\niface eth0 inet dhcp\n"}) is not None
    assert dhcp.interfaces({"i": "auto /e*=any\niface /e* inet dhcp\n"}) is None


def test_ifcfg() -> None:
    text = (
        'TYPE=Ethernet\nDEVICE="eth0"\nHWADDR=5:4\nBOOTPROTO=static\nIPADDR=10.0.0.2\nPREFIX0=24\nONBOOT=yes\n'
        "DNS1=1.1\n"
    )
    assert dhcp.ifcfg(text, any_card=True) == "TYPE=Ethernet\nBOOTPROTO=dhcp\nONBOOT=yes\n"
    assert dhcp.ifcfg(text, any_card=False) == 'TYPE=Ethernet\nDEVICE="eth0"\nBOOTPROTO=dhcp\nONBOOT=yes\n'
    assert dhcp.ifcfg("DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\n", any_card=False) is None
    assert dhcp.ifcfg("BOOTPROTO=dhcp\nONBOOT=yes\n", any_card=True) is None


def test_keyfile() -> None:
    text = (
        "[connection]\nid=a\ntype=ethernet\ninterface-name=ens3\n\n[ethernet]\nmac-address=52:54:00:01:02:03\n\n"
        "[ipv4]\naddress1=10.0.0.2/24,10.0.0.1\ndns=1.1.1.1;\nmethod=manual\n\n[ipv6]\nmethod=disabled\n"
    )
    after = "[connection]\nid=a\ntype=ethernet\n\n[ethernet]\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=disabled\n"
    assert dhcp.keyfile(text) == after
    assert dhcp.keyfile(after) is None
    assert dhcp.keyfile("[connection]\ntype=wifi\ninterface-name=wlan0\n") is None


@pytest.mark.parametrize(
    ("rules", "tied"),
    [
        ('SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="52:54:00:aa:bb:cc", NAME="eth0"', True),
        ('SUBSYSTEM=="net", DRIVERS=="?*", ATTRS{address}=="52:54:00:aa:bb:cc", NAME="eth0"', True),
        ('# SUBSYSTEM=="net", ATTR{address}=="52:54:00:aa:bb:cc", NAME="eth0"', False),
        ('SUBSYSTEM=="block", ATTR{address}=="5", SYMLINK+="x"', False),
        ("", False),
    ],
)
def test_rules_of_cards(rules: str, tied: bool) -> None:
    assert cards.ties(rules) is tied


def test_links_of_cards() -> None:
    assert cards.link_ties("[Match]\nMACAddress=52:54:00:aa:bb:cc\n[Link]\nName=lan0\n")
    assert not cards.link_ties("[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("datasource_list: [ Ec2 ]\n", ["Ec2"]),
        ("# datasource_list: [ Ec2 ]\n", None),
        ("a: 1\ndatasource_list:\n  - OpenStack\n  - None\nb: 2\n", ["OpenStack", "None"]),
        ("datasource_list: ['Ec2', \"None\"] # why\n", ["Ec2", "None"]),
        ("datasource: {Ec2: {}}\n", None),
    ],
)
def test_cloud_init_lists(text: str, found: list[str] | None) -> None:
    assert cloud_init.sources(text) == found


def test_cloud_init_keeps_what_was_first() -> None:
    assert cloud_init.wider(["Ec2", "None"])[0] == "Ec2"
    assert cloud_init.wider(["Ec2", "None"])[-1] == "None"
    assert {"NoCloud", "ConfigDrive", "OpenStack"} <= {*cloud_init.wider(["Ec2"])}


def test_no_password_is_told() -> None:
    told = Change(
        "x", "t", "//s/x /x cifs username=u,password=hunter2,uid=0 0 0", 'psk="topsecret"\ncredentials=/etc/c'
    ).as_json()
    assert "hunter2" not in str(told)
    assert "topsecret" not in str(told)
    assert "uid=0" in told["before"]
    assert "/etc/c" in told["after"]
    assert len(Change("x", "t", "a" * 99999).as_json()["before"]) < 2000
