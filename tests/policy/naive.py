# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second evaluator of policies, written from secmig-policy(5) alone: no
index, no cleverness, Python's standard library.  It believes that a document
is in order (secmig policy check says so) and says what the answer is.

    site = Policy(open("policy.xml").read())
    decide(site, {"action": "migrate-out", ...}) -> ("allow", "rule")

Verdicts are allow, deny and unmet.  A request has the keys of a request file
(secmig-policy(5), REQUESTS); values are strings, those of ticket, approval
and use lists of strings.  Where a request file has the id of somebody who
signs, a key will do.
"""
import datetime
import re
import xml.etree.ElementTree as ET
import zoneinfo

NS = "{urn:xen-secmig:policy:1}"
DAYS = "mon tue wed thu fri sat sun".split()
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
WORDS = ("location", "jurisdiction", "platform")
PCRS = 24


class Policy:
    """A document: one list of elements for each name below the root."""

    def __init__(self, text):
        self.root = ET.fromstring(text)
        self.vm = self.root.get("vm")

    def all(self, *names):
        where = self.root
        for name in names[:-1]:
            where = where.find(NS + name)
            if where is None:
                return []
        return where.findall(NS + names[-1])

    def by_id(self, names, ident):
        for element in self.all(*names):
            if element.get("id") == ident:
                return element
        return None

    def key_of(self, signer, names):
        """A request names a signer by key or by id."""
        if not signer or len(signer) == 56:
            return signer
        return self.by_id(names, signer).get("key")


def words(element, name):
    return (element.get(name) or "").split()


# ---- three values: True, False, None (unknown) ----

def both(values):
    values = list(values)
    if False in values:
        return False
    return None if None in values else True


def either(values):
    values = list(values)
    if True in values:
        return True
    return None if None in values else False


def denied(value):
    return None if value is None else not value


# ---- words of the language ----

def matches(pattern, text, wild="."):
    expr = b"".join(
        {b"*": wild.encode() + b"*", b"?": wild.encode()}.get(
            c, re.escape(c))
        for c in (bytes([b]) for b in pattern.encode()))
    return re.fullmatch(expr, text.encode(), re.DOTALL) is not None


def memory(text):
    number, unit = re.fullmatch(r"(\d+) ?([KMGT]iB)", text).groups()
    return int(number) << {"KiB": 0, "MiB": 10, "GiB": 20, "TiB": 30}[unit]


def instant(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def now(request):
    return instant(request["time"])


def in_window(window, at):
    zone = window.get("zone")
    if zone == "Z":
        zone = datetime.timezone.utc
    elif zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[4:6])
        zone = datetime.timezone(datetime.timedelta(
            minutes=-minutes if zone[0] == "-" else minutes))
    else:
        zone = zoneinfo.ZoneInfo(zone)
    local = datetime.datetime.fromtimestamp(at, zone)
    clock = local.strftime("%H:%M")
    today = DAYS[local.weekday()]
    yesterday = DAYS[(local.weekday() - 1) % 7]
    days = words(window, "days") or DAYS
    begin, end = window.get("from"), window.get("to")
    if begin < end:
        return today in days and begin <= clock < end
    return (today in days and begin <= clock) or (
        yesterday in days and clock < end)


# ---- roles ----

def inherited(policy, roles):
    """These roles and all they inherit."""
    found = set()
    todo = list(roles)
    while todo:
        role = todo.pop()
        if role not in found:
            found.add(role)
            todo += words(policy.by_id(("roles", "role"), role), "inherits")
    return found


def roles_of(policy, element):
    return inherited(policy, words(element, "roles"))


def may_be_active(policy, roles):
    for rule in policy.all("roles", "exclusive"):
        if rule.get("kind") == "dynamic":
            if len(roles & set(words(rule, "roles"))) > int(
                    rule.get("at-most", "1")):
                return False
    return True


def permits(policy, roles, action):
    for role in roles:
        element = policy.by_id(("roles", "role"), role)
        for permit in element.findall(NS + "permit"):
            if action in words(permit, "action"):
                return True
    return False


def signers(policy, request):
    """Who signed the tickets."""
    keys = []
    for ticket in request.get("ticket", []):
        kind, _, ident = ticket.rpartition(":")
        keys.append(policy.key_of(ident, (kind + "s", kind)))
    return keys


def authority_of(policy, request, side):
    """Who signed the certificate of a host."""
    return policy.key_of(request.get(side + "-authority"),
                         ("authorities", "authority"))


def policy_signer(policy, request):
    """Who signed the guest's policy."""
    return policy.key_of(request.get("vm-policy-owner"),
                         ("owners", "owner"))


def operators_with_tickets(policy, request):
    """In the order of the tickets."""
    return [o for key in signers(policy, request)
            for o in policy.all("operators", "operator")
            if o.get("key") and o.get("key") == key]


def asks_unknown(policy, request):
    """Whether nobody need say who asks."""
    return not request.get("account") and (
        request["action"] == "migrate-in"
        or (request.get("preview") == "yes"
            and not operators_with_tickets(policy, request)))


def asking(policy, request):
    """The operator who asks, where it has to be known."""
    for operator in policy.all("operators", "operator"):
        if request.get("account") and operator.get(
                "account") == request["account"]:
            return operator
    found = operators_with_tickets(policy, request)
    return found[0] if found else None


def active_roles(policy, request, operator):
    if request.get("role"):
        return inherited(policy, [request["role"]])
    return roles_of(policy, operator)


def requesters(policy, request):
    """Who may be asking: (operator's id, account, active roles) of each;
    None when it is not known."""
    if not policy.all("operators", "operator"):
        account = request.get("account")
        return [(None, account, set())] if account else None
    if not asks_unknown(policy, request):
        operator = asking(policy, request)
        return [(operator.get("id"),
                 request.get("account") or operator.get("account"),
                 active_roles(policy, request, operator))]
    found = operators_with_tickets(policy, request)
    for operator in found:
        if not may_be_active(policy, roles_of(policy, operator)):
            return None
    return [(o.get("id"), o.get("account"), roles_of(policy, o))
            for o in found] or None


# ---- hosts ----

def host_element(policy, request, side):
    """The <host> or <certified> by which a host takes part, or None."""
    host = policy.by_id(("hosts", "host"), request[side])
    if host is not None:
        return host
    key = authority_of(policy, request, side)
    for certified in policy.all("hosts", "certified"):
        authority = policy.by_id(("authorities", "authority"),
                                 certified.get("authority"))
        if key and authority.get("key") == key:
            return certified
    return None


def host_roles(policy, request, side):
    """The roles it surely has, and whether these are all."""
    roles = set()
    host = policy.by_id(("hosts", "host"), request[side])
    if host is not None:
        roles |= roles_of(policy, host)
    key = authority_of(policy, request, side)
    for certified in policy.all("hosts", "certified"):
        authority = policy.by_id(("authorities", "authority"),
                                 certified.get("authority"))
        if key and authority.get("key") == key:
            roles |= roles_of(policy, certified)
    may_be_more = (request.get("preview") == "yes" and not key
                   and policy.all("hosts", "certified"))
    return roles, not may_be_more


def certified_word(policy, request, side, word):
    """What a certificate says that counts; None when nothing does."""
    value = request.get(side + "-" + word + (
        "s" if word == "platform" else ""))
    key = authority_of(policy, request, side)
    if not value or not key:
        return None
    for authority in policy.all("authorities", "authority"):
        if authority.get("key") == key and word in (
                words(authority, "attributes") or WORDS):
            return set(value.split())
    return None


# ---- platforms ----

def attester(policy, request):
    """Who has certified the attestation key: the only authority when the
    request does not say."""
    all_of_them = policy.all("authorities", "authority")
    if not request.get("attestation-authority") and len(all_of_them) == 1:
        return all_of_them[0].get("key")
    return authority_of(policy, request, "attestation")


def attested_by(policy, request):
    """Whether somebody who counts for that has certified the attestation
    key."""
    key = attester(policy, request)
    for authority in policy.all("authorities", "authority"):
        if authority.get("key") == key:
            counted = words(authority, "attributes")
            return not counted or "attestation" in counted
    return False


def is_in(request, platform):
    for pcr in platform.findall(NS + "pcr"):
        value = request.get("pcr." + pcr.get("index"), "0" * 64)
        if value.lower() not in pcr.get("sha256").lower().split():
            return False
    log = platform.get("event-log")
    if log and request.get("event-log", "").lower() != log.lower():
        return False
    return (platform.get("after-reset") != "approve"
            or request.get("reset-approved") == "yes")


def proven(policy, request):
    """The platform sets that the other host is in; None when it has proven
    nothing."""
    if request.get("attestation"):
        return set(words(request, "attestation"))
    if not any(request.get("pcr.%d" % i) for i in range(PCRS)) and (
            not request.get("event-log")):
        return None
    if not attested_by(policy, request):
        return None
    return {p.get("id") for p in policy.all("platforms", "platform")
            if is_in(request, p)}


# ---- guests ----

def vm_itself(vm, request):
    name, label, uuid = (request.get(k) for k in ("vm", "label", "uuid"))
    checks = []
    if vm.get("name"):
        checks.append(matches(vm.get("name"), name) if name else None)
    if vm.get("label"):
        if label:
            checks.append(matches(vm.get("label"), label))
        else:
            checks.append(False if name or uuid else None)
    if vm.get("uuid"):
        checks.append(vm.get("uuid").lower() == uuid.lower()
                      if uuid else None)
    return both(checks)


def in_group(group, request):
    return either(vm_itself(vm, request) for vm in group.findall(NS + "vm"))


def group_owners(policy, request, doubtful=False):
    """Of the groups that the guest is in surely, or perhaps as well."""
    sure = (True, None) if doubtful else (True,)
    return {g.get("owner") for g in policy.all("vms", "group")
            if g.get("owner") and in_group(g, request) in sure}


def signing_owner(policy, request):
    if request.get("vm-policy-owner"):
        key = policy_signer(policy, request)
        for owner in policy.all("owners", "owner"):
            if owner.get("key") == key:
                return owner.get("id")
    return None


def owners_of(policy, request, doubtful=False):
    owners = group_owners(policy, request, doubtful)
    if signing_owner(policy, request):
        owners.add(signing_owner(policy, request))
    return owners


# ---- conditions ----

def subject(policy, request, element):
    found = requesters(policy, request)
    if found is None:
        return None
    return any((not element.get("account")
                or account in words(element, "account"))
               and (not element.get("operator")
                    or operator in words(element, "operator"))
               and (not element.get("role")
                    or bool(roles & set(words(element, "role"))))
               for operator, account, roles in found)


def vm(policy, request, element):
    checks = [vm_itself(element, request)]
    if element.get("group"):
        checks.append(either(
            in_group(policy.by_id(("vms", "group"), g), request)
            for g in words(element, "group")))
    if element.get("owner"):
        wanted = set(words(element, "owner"))
        if owners_of(policy, request) & wanted:
            checks.append(True)
        else:
            checks.append(None if owners_of(policy, request, True) & wanted
                          else False)
    for bound in ("memory-min", "memory-max"):
        if element.get(bound):
            limit = memory(element.get(bound))
            size = request.get("memory") and memory(request["memory"])
            checks.append(None if not size else size >= limit
                          if bound == "memory-min" else size <= limit)
    return both(checks)


def where(policy, request, element, side):
    if not request.get(side):
        return None
    checks = []
    for name in ("host", "role") + WORDS:
        if name == "host":
            have = {request[side]}
        elif name == "role":
            have, complete = host_roles(policy, request, side)
        else:
            have = certified_word(policy, request, side, name)
        for attribute in (name, name + "-not"):
            if element.get(attribute):
                value = None if have is None else bool(
                    have & set(words(element, attribute)))
                if name == "role" and not value and not complete:
                    value = None
                checks.append(value if attribute == name
                              else denied(value))
    return both(checks)


def when(policy, request, element):
    inside = {w.get("id") for w in policy.all("windows", "window")
              if in_window(w, now(request))}
    if element.get("window"):
        return bool(inside & set(words(element, "window")))
    return not inside & set(words(element, "window-not"))


def channel(policy, request, element):
    checks = []
    for name in ("suite", "post-quantum"):
        if element.get(name):
            checks.append(request[name] in words(element, name)
                          if request.get(name) else None)
    have = proven(policy, request)
    for name in ("attestation", "attestation-not"):
        if element.get(name):
            value = None if have is None else bool(
                have & set(words(element, name)))
            checks.append(value if name == "attestation" else denied(value))
    return both(checks)


def conditions(policy, request, rule):
    judges = {
        "subject": lambda e: subject(policy, request, e),
        "vm": lambda e: vm(policy, request, e),
        "source": lambda e: where(policy, request, e, "source"),
        "destination": lambda e: where(policy, request, e, "destination"),
        "time": lambda e: when(policy, request, e),
        "channel": lambda e: channel(policy, request, e),
    }
    return both(either(judge(e) for e in rule.findall(NS + name))
                for name, judge in judges.items()
                if rule.findall(NS + name))


def applies(policy, request, rule):
    if request["action"] not in words(rule, "action"):
        return False
    value = conditions(policy, request, rule)
    if value is None:
        favour = request.get("preview") == "yes"
        return favour == (rule.get("effect") == "allow")
    return value


# ---- requirements ----

def is_met(policy, request, require, rule):
    """policy is the site's; a VM policy asks in is_met_vm()."""
    if request.get("preview") == "yes":
        return attested(policy, request, require)
    keys = signers(policy, request)
    owner_keys = [policy.by_id(("owners", "owner"), o).get("key")
                  for o in owners_of(policy, request)]
    by_owner = any(k in owner_keys for k in keys)
    operators = operators_with_tickets(policy, request)
    kind = require.get("ticket")
    if kind == "owner" and not by_owner:
        return False
    if kind == "operator" and not operators:
        return False
    if kind == "any" and not by_owner and not operators:
        return False
    if require.get("approvals"):
        agreed = {o.get("id") for o in operators}
        for operator in policy.all("operators", "operator"):
            if operator.get("account") in request.get("approval", []):
                agreed.add(operator.get("id"))
        if not asks_unknown(policy, request):
            agreed -= {who[0] for who in requesters(policy, request) or []}
        if require.get("approver"):
            agreed = {o for o in agreed if require.get("approver") in
                      roles_of(policy, policy.by_id(
                          ("operators", "operator"), o))}
        if len(agreed) < int(require.get("approvals")):
            return False
    if require.get("vm-policy") and not signing_owner(policy, request):
        return False
    if require.get("rate"):
        number, unit = require.get("rate").split("/")
        recent = [u for u in request.get("use", [])
                  if u.split()[0] == rule.get("id") and
                  instant(u.split()[1]) > now(request) - SECONDS[unit]]
        if len(recent) >= int(number):
            return False
    return attested(policy, request, require)


def attested(policy, request, require):
    have = proven(policy, request)
    if have is None and request.get("preview") == "yes":
        return True
    return not require.get("attestation") or (
        have is not None and require.get("attestation") in have)


def is_met_vm(guest, request, require, keys, signer):
    if (require.get("ticket") == "owner" and signer not in keys
            and request.get("preview") != "yes"):
        return False
    return attested(guest, request, require)


# ---- config: what secmig-policy(5) says of fields ----

LISTS = {
    "kernel": "b_info.kernel b_info.type.pv.kernel "
              "b_info.type.pvh.pvshim_path",
    "ramdisk": "b_info.ramdisk b_info.type.pv.ramdisk",
    "bootloader": "b_info.bootloader b_info.type.pv.bootloader",
    "device-model": "b_info.device_model",
    "firmware": "b_info.type.hvm.firmware b_info.type.hvm.system_firmware "
                "b_info.type.hvm.smbios_firmware "
                "b_info.type.hvm.acpi_firmware",
    "seclabel": "c_info.ssid_label b_info.exec_ssid_label "
                "b_info.device_model_ssid_label",
    "vnc": "b_info.type.hvm.vnc.listen vfbs[*].vnc.listen",
}
HARMLESS = ("c_info.uuid b_info.cmdline disks[*].vdev nics[*].mac "
            "b_info.type.hvm.boot").split()
DISK = "pdev_path format backend readwrite script".split()
NIC = "bridge script ifname".split()
PCI = "domain bus dev func vfunc_mask permissive seize".split()
OFF = ("", "False", "<default>", "false", "0")
SCRIPTS = "/etc/xen/scripts/"


def canonical(path, wild=False):
    return re.fullmatch(r"(/[A-Za-z0-9._+:@=~%s-]+)+" % ("*?" if wild else ""),
                        path) is not None and not {".", ".."} & set(
                            path.split("/"))


def script_path(name):
    return None if not name else name if name[0] == "/" else SCRIPTS + name


def field_is(pattern, field):
    return re.fullmatch(re.escape(pattern).replace(r"\[\*\]", r"\[[0-9]+\]"),
                        field) is not None


def disk_ok(config, disk):
    script = script_path(disk.get("script"))
    if script and not canonical(script):
        return False
    if script == SCRIPTS + "block":
        script = None
    path = disk.get("pdev_path", "")
    if disk.get("format") == "empty" and not path and not script:
        return True
    if not re.fullmatch(r"[A-Za-z0-9/._+:@=~-]*", path) or (
            not script and not canonical(path)):
        return False
    for d in config.findall(NS + "disk"):
        if (script_path(d.get("script")) == script
                and matches(d.get("path"), path, "[^/]")
                and disk.get("format") in (
                    words(d, "format") or ["raw"])
                and disk.get("backend", "unknown") in (
                    words(d, "backend") or ["phy", "qdisk"]) + ["unknown"]
                and (d.get("readonly") != "yes"
                     or disk.get("readwrite", "") in OFF)):
            return True
    return False


def nic_ok(config, nic):
    script = script_path(nic.get("script"))
    if script and not canonical(script):
        return False
    if script == SCRIPTS + "vif-bridge":
        script = None
    for b in config.findall(NS + "bridge"):
        if (matches(b.get("name"), nic.get("bridge", "xenbr0"), "[^/]")
                and script in (None, script_path(b.get("script")))
                and (not nic.get("ifname") or (
                    b.get("interface") and
                    matches(b.get("interface"), nic["ifname"], "[^/]")))):
            return True
    return False


def pci_ok(config, pci):
    at = [int(pci.get(n, "0")) for n in PCI[:5]]
    risky = pci.get("permissive", "") not in OFF or pci.get(
        "seize", "") not in OFF
    for p in config.findall(NS + "pci"):
        domain, bus, dev, func = re.fullmatch(
            r"(\w+):(\w+):(\w+)\.(\S)", p.get("address")).groups()
        if ([int(domain, 16), int(bus, 16), int(dev, 16)] == at[:3]
                and (func == "*" or (int(func) == at[3] and at[4] <= 1))
                and (not risky or p.get("permissive") == "yes")):
            return True
    return False


def device(facts, kind, members):
    """The devices of a kind: for each index, its members."""
    found = {}
    for field, value in facts.items():
        m = re.fullmatch(kind + r"\[([0-9]+)\]\.(\w+)", field)
        if m and m.group(2) in members:
            found.setdefault(m.group(1), {})[m.group(2)] = value
        elif m:
            found.setdefault(m.group(1), {})
    return found.values()


def field_ok(config, facts, field, value):
    kind = facts["c_info.type"]
    if field == "c_info.type":
        return value in (words(config, "types") or ["pv", "pvh"])
    if field.startswith("b_info.type.") and field.split(".")[2] != kind:
        return False
    for e in config.findall(NS + "field"):
        if field_is(e.get("path"), field) and matches(
                e.get("value"), value, "[^/]"):
            return True
    if field == "c_info.name":
        return value != "" and not set("/,") & set(value)
    if field in ("b_info.max_memkb", "b_info.target_memkb"):
        limit = config.find(NS + "memory")
        return limit is None or int(value) <= memory(limit.get("max"))
    if field in ("b_info.video_memkb", "b_info.shadow_memkb",
                 "b_info.iommu_memkb"):
        return int(value) <= 64 * 1024 + int(
            facts.get("b_info.max_memkb", "0")) // 4
    if field == "b_info.max_vcpus":
        limit = config.find(NS + "vcpus")
        return limit is None or int(value) <= int(limit.get("max"))
    for name, fields in LISTS.items():
        if any(field_is(f, field) for f in fields.split()):
            if "/" in value and name != "seclabel" and not canonical(value):
                return False
            if not re.fullmatch(r"[A-Za-z0-9/._+:@=~-]*", value):
                return False
            if name == "vnc" and value in ("127.0.0.1", "::1", "localhost"):
                return True
            return any(matches(e.get("name") or e.get("listen") or
                               e.get("path"), value, "[^/]")
                       for e in config.findall(NS + name))
    for kind_, members in (("disks", DISK), ("nics", NIC), ("pcidevs", PCI)):
        if any(field_is(kind_ + "[*]." + m, field) for m in members):
            return True             # with the rest of its device
    return any(field_is(f, field) for f in HARMLESS)


def config_ok(rule, facts):
    config = rule.find(NS + "config")
    if config is None:
        config = ET.Element(NS + "config")
    if not facts.get("c_info.type"):
        return False
    return (all(field_ok(config, facts, f, v) for f, v in facts.items())
            and all(disk_ok(config, d) for d in device(facts, "disks", DISK))
            and all(nic_ok(config, n) for n in device(facts, "nics", NIC))
            and all(pci_ok(config, p) for p in device(facts, "pcidevs", PCI)))


# ---- the steps ----

def out_of_time(policy, request):
    start, end = (policy.root.get("not-before"),
                  policy.root.get("not-after"))
    if start and now(request) < instant(start):
        return "not-yet-valid"
    if end and now(request) > instant(end):
        return "expired"
    return None


def check_host(policy, request, side):
    preview = request.get("preview") == "yes"
    element = host_element(policy, request, side)
    if element is None:
        may_yet = (preview and policy.all("hosts", "certified") and
                   not request.get(side + "-authority"))
        return None if may_yet else "unknown-host"
    if element.get("key"):
        key = request.get(side + "-key")
        if key != element.get("key") and (key or not preview):
            return "host-key"
    return None


def check_operator(policy, request):
    if not policy.all("operators", "operator") or asks_unknown(policy, request):
        return None
    operator = asking(policy, request)
    if operator is None:
        return "unknown-operator"
    if request.get("role") and request["role"] not in roles_of(
            policy, operator):
        return "role-not-assigned"
    roles = active_roles(policy, request, operator)
    if not may_be_active(policy, roles):
        return "separation-of-duty"
    if not permits(policy, roles, request["action"]):
        return "no-permission"
    return None


def by_rules(policy, request, met):
    """Verdict, rule, and the allow rules that are satisfied."""
    rules = [r for r in policy.all("rules", "rule")
             if applies(policy, request, r)]
    for rule in rules:
        if rule.get("effect") == "deny":
            return "deny", rule.get("id"), []
    satisfied = [r for r in rules if r.find(NS + "require") is None
                 or met(r.find(NS + "require"), r)]
    if satisfied:
        return "allow", satisfied[0].get("id"), satisfied
    if rules:
        return "unmet", rules[0].get("id"), []
    return "deny", "default-deny", []


def by_guest_rules(site, request, guest):
    """by_rules() of a VM policy."""
    asked = dict(request)
    for side in ("source", "destination"):
        if asked.get(side + "-authority"):
            asked[side + "-authority"] = authority_of(site, asked, side)
    asked["attestation-authority"] = attester(site, asked)
    if guest.root.find(NS + "authorities") is None:
        # What counts in the site's policy counts here.
        for names in site.all("authorities"):
            guest = Policy(ET.tostring(guest.root))
            guest.root.append(names)
    keys = signers(site, request)
    signer = policy_signer(site, request)
    return by_rules(guest, asked,
                    lambda q, r: is_met_vm(guest, asked, q, keys, signer))


def decide_vm(site, request, guest):
    wrong = out_of_time(guest, request)
    if wrong:
        return "deny", "vm:" + wrong
    if guest.vm.lower() != request["uuid"].lower():
        return "deny", "vm:vm-policy"
    verdict, rule, _ = by_guest_rules(site, request, guest)
    return verdict, "vm:" + rule


def obligations(site, request, guest=None):
    """What an answer "allow" (without a config) obliges to: whether to tell
    the guest, and the longest downtime in milliseconds (0: any)."""
    rules = by_rules(site, request,
                     lambda q, r: is_met(site, request, q, r))[2][:1]
    if guest is not None:
        rules += by_guest_rules(site, request, guest)[2][:1]
    found = [e for r in rules for e in r.findall(NS + "require")]
    limits = []
    for e in found:
        if e.get("max-downtime"):
            number, unit = re.fullmatch(r"(\d+) ?(m?s)",
                                        e.get("max-downtime")).groups()
            limits.append(int(number) * (1000 if unit == "s" else 1))
    return (any(e.get("notify-guest") for e in found),
            min(limits) if limits else 0)


def decide(site, request, guest=None):
    """The answer: (allow | deny | unmet, rule)."""
    if site is None:
        return "deny", "no-policy"
    wrong = out_of_time(site, request)
    if wrong:
        return "deny", wrong
    migrates = request.get("action") in ("migrate-out", "migrate-in")
    if not request.get("action") or (migrates and not all(
            request.get(k) for k in ("vm", "uuid", "source",
                                     "destination"))):
        return "deny", "bad-request"
    if migrates:
        for side in ("source", "destination"):
            wrong = check_host(site, request, side)
            if wrong:
                return "deny", wrong
    wrong = check_operator(site, request)
    if wrong:
        return "deny", wrong
    if request.get("vm-policy-owner"):
        owner = signing_owner(site, request)
        if not owner:
            return "deny", "vm-policy"
        if group_owners(site, request,
                        request.get("preview") != "yes") - {owner}:
            return "deny", "vm-owner"
    verdict, name, satisfied = by_rules(
        site, request, lambda q, r: is_met(site, request, q, r))
    if verdict == "allow" and migrates and guest is not None:
        vm_verdict, vm_name = decide_vm(site, request, guest)
        if vm_verdict != "allow":
            return vm_verdict, vm_name
    facts = {k[len("config."):]: v for k, v in request.items()
             if k.startswith("config.")}
    if verdict == "allow" and request["action"] == "migrate-in" and facts:
        for rule in satisfied:
            if config_ok(rule, facts):
                return "allow", rule.get("id")
        return "deny", "config"
    return verdict, name
