/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One test case per sentence of policy/config.h's and policy/fields.h's
 * contract. */
#include <stdio.h>
#include <stdlib.h>

#include "base/wire.h"
#include "policy/config.h"
#include "policy/fields.h"
#include "policy_request.h"

#define ALLOW(inner) \
    "<rule id='in' effect='allow' action='migrate-in'>" inner "</rule>"
#define CONFIG(inner) ALLOW("<config>" inner "</config>")

/* What xl makes of an ordinary PVH guest with a disk and an interface. */
#define ORDINARY_PVH \
    { "c_info.type", "pvh" }, \
    { "c_info.name", "g1" }, \
    { "c_info.uuid", "8e8a3b1c-6c1b-4f3e-9c1a-5d1f7a2b3c4d" }, \
    { "c_info.run_hotplug_scripts", "True" }, \
    { "b_info.max_vcpus", "2" }, \
    { "b_info.avail_vcpus[0]", "0" }, \
    { "b_info.avail_vcpus[1]", "1" }, \
    { "b_info.vcpu_hard_affinity[0][0]", "0" }, \
    { "b_info.max_memkb", "524288" }, \
    { "b_info.target_memkb", "524288" }, \
    { "b_info.shadow_memkb", "6144" }, \
    { "b_info.cmdline", "root=/dev/xvda ro; console=hvc0, x" }, \
    { "b_info.type.pvh", "{}" }, \
    { "b_info.arch_arm", "{}" }, \
    { "on_reboot", "restart" }

#define GOOD_DISK \
    { "disks[0].pdev_path", "/dev/vg0/g1" }, \
    { "disks[0].vdev", "xvda" }, \
    { "disks[0].format", "raw" }, \
    { "disks[0].readwrite", "1" }

#define GOOD_NIC \
    { "nics[0].devid", "0" }, \
    { "nics[0].mac", "00:16:3e:00:00:01" }, \
    { "nics[0].bridge", "xenbr0" }, \
    { "nics[0].script", "/etc/xen/scripts/vif-bridge" }

#define ORDINARY_HVM \
    { "c_info.type", "hvm" }, \
    { "c_info.name", "win" }, \
    { "b_info.max_memkb", "524288" }, \
    { "b_info.video_memkb", "8192" }, \
    { "b_info.device_model_version", "qemu_xen" }, \
    { "b_info.type.hvm.boot", "cd" }, \
    { "b_info.type.hvm.serial", "pty" }, \
    { "b_info.type.hvm.vnc.enable", "True" }, \
    { "b_info.type.hvm.vnc.listen", "127.0.0.1" }, \
    { "b_info.type.hvm.vnc.passwd", "secret, word" }, \
    { "b_info.type.hvm.sdl.enable", "False" }

static struct sm_policy_decision d;

/* Ask for migrate-in, then check the config. */
static void check(const char *rules, const struct sm_policy_fact *facts,
                  size_t n)
{
    struct sm_policy *policy = policy_of(rules);
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_IN);
    struct sm_policy_decision accepted;

    sm_policy_decide(policy, &r, &accepted);
    ck_assert(accepted.allow);
    memset(&d, 0xff, sizeof(d));
    sm_policy_check_config(policy, &r, &accepted, facts, n, &d);
    ck_assert_int_eq(d.allow, d.code == SM_OK);
    ck_assert(sm_wire_text_ok(d.text, strlen(d.text)));
    sm_policy_free(policy);
}

static void allowed_n(const char *rules, const struct sm_policy_fact *facts,
                      size_t n)
{
    check(rules, facts, n);
    ck_assert_msg(d.allow, "%s", d.text);
    ck_assert_str_eq(d.rule, "in");
}

/* Refused, and the text has the field and the value. */
static void denied_n(const char *rules, const struct sm_policy_fact *facts,
                     size_t n, const char *field, const char *value)
{
    char words[512];

    snprintf(words, sizeof(words), "%s = \"%s\"", field, value);
    check(rules, facts, n);
    ck_assert_msg(!d.allow, "allowed: %s", words);
    ck_assert_int_eq(d.code, SM_REFUSED_LOCAL);
    ck_assert_str_eq(d.rule, "config");
    ck_assert_msg(strstr(d.text, words), "%s does not say %s", d.text,
                  words);
    ck_assert_msg(strstr(d.text, "by rule in"), "%s", d.text);
}

#define N(facts) (sizeof(facts) / sizeof((facts)[0]))

/* The ordinary PVH guest and one fact more. */
static void pvh_allowed(const char *rules, const char *field,
                        const char *value)
{
    const struct sm_policy_fact facts[] = { ORDINARY_PVH, { field, value } };

    allowed_n(rules, facts, N(facts));
}

static void pvh_denied(const char *rules, const char *field,
                       const char *value)
{
    const struct sm_policy_fact facts[] = { ORDINARY_PVH, { field, value } };

    denied_n(rules, facts, N(facts), field, value);
}

static void hvm_denied(const char *rules, const char *field,
                       const char *value)
{
    const struct sm_policy_fact facts[] = { ORDINARY_HVM, { field, value } };

    denied_n(rules, facts, N(facts), field, value);
}

#define HVM ALLOW("<config types='hvm'/>")

START_TEST(an_ordinary_guest)
{
    const struct sm_policy_fact facts[] = {
        ORDINARY_PVH, GOOD_DISK, GOOD_NIC,
    };
    const struct sm_policy_fact hvm[] = { ORDINARY_HVM };

    allowed_n(CONFIG("<disk path='/dev/vg0/*'/><bridge name='xenbr0'/>"),
              facts, N(facts));
    denied_n(CONFIG("<bridge name='xenbr0'/>"), facts, N(facts),
             "disks[0].pdev_path", "/dev/vg0/g1");
    denied_n(CONFIG("<disk path='/dev/vg0/*'/>"), facts, N(facts),
             "nics[0].bridge", "xenbr0");
    denied_n(ALLOW(""), facts, N(facts), "disks[0].pdev_path",
             "/dev/vg0/g1");
    allowed_n(HVM, hvm, N(hvm));
    denied_n(CONFIG(""), hvm, N(hvm), "c_info.type", "hvm");
}
END_TEST

START_TEST(an_unknown_field_is_refused)
{
    pvh_denied(CONFIG(""), "b_info.new_in_5_0", "0");
    pvh_denied(CONFIG(""), "b_info", "{}");
    pvh_denied(CONFIG(""), "newdevs", "[]");
    pvh_denied(CONFIG(""), "c_info.typ", "pvh");
    pvh_denied(CONFIG(""), "c_info.type.x", "pvh");
    pvh_denied(CONFIG(""), "", "x");
    pvh_denied(CONFIG(""), "b_info.avail_vcpus[]", "0");
    pvh_denied(CONFIG(""), "b_info.avail_vcpus[x]", "0");
    pvh_denied(CONFIG(""), "b_info.avail_vcpus[0][0]", "0");
    pvh_denied(CONFIG(""), "b_info.kernel[0]", "0");
}
END_TEST

START_TEST(what_runs_as_root_is_refused)
{
    pvh_denied(CONFIG(""), "b_info.device_model", "/root/x");
    pvh_denied(CONFIG(""), "b_info.bootloader", "/root/x");
    pvh_denied(CONFIG(""), "b_info.bootloader", "pygrub");
    pvh_denied(CONFIG(""), "b_info.bootloader_args[0]", "--x");
    pvh_denied(CONFIG(""), "b_info.kernel", "/etc/shadow");
    pvh_denied(CONFIG(""), "b_info.ramdisk", "/etc/shadow");
    pvh_denied(CONFIG(""), "b_info.type.pvh.pvshim_path", "/etc/shadow");
    pvh_denied(CONFIG(""), "b_info.extra[0]", "-monitor");
    pvh_denied(CONFIG(""), "b_info.extra_pv[0]", "-monitor");
    pvh_denied(CONFIG(""), "b_info.extra_hvm[3]", "-monitor");
    pvh_denied(CONFIG(""), "b_info.device_model_user", "root");
    pvh_denied(CONFIG(""), "b_info.device_model_stubdomain", "True");
    pvh_denied(CONFIG(""), "b_info.stubdomain_kernel", "/x");
    pvh_denied(CONFIG(""), "b_info.device_model_version",
               "qemu_xen_traditional");
    pvh_denied(CONFIG(""), "b_info.device_tree", "/x");
    pvh_denied(CONFIG(""), "c_info.driver_domain", "True");
    pvh_denied(CONFIG(""), "c_info.passthrough", "enabled");
    pvh_denied(CONFIG(""), "c_info.ssid_label", "system_u:system_r:dom0_t");
    pvh_denied(CONFIG(""), "c_info.ssidref", "1");
    pvh_denied(CONFIG(""), "c_info.xsdata.x", "y");
    pvh_denied(CONFIG(""), "c_info.pool_name", "other");
    pvh_denied(CONFIG(""), "b_info.ioports[0].first", "0");
    pvh_denied(CONFIG(""), "b_info.irqs[0]", "1");
    pvh_denied(CONFIG(""), "b_info.iomem[0].start", "0");
    pvh_denied(CONFIG(""), "rdms[0].start", "0");
    pvh_denied(CONFIG(""), "dtdevs[0].path", "/x");
    pvh_denied(CONFIG(""), "vtpms[0].backend_domname", "x");
    pvh_denied(CONFIG(""), "p9s[0].path", "/");
    pvh_denied(CONFIG(""), "pvcallsifs[0].devid", "0");
    pvh_denied(CONFIG(""), "usbdevs[0].type.hostdev.hostbus", "1");
    pvh_denied(CONFIG(""), "channels[0].connection.socket.path", "/x");
    pvh_denied(CONFIG(""), "disks[0].backend_domname", "x");
    pvh_denied(CONFIG(""), "disks[0].backend_domid", "1");
    pvh_denied(CONFIG(""), "nics[0].backend_domid", "1");
    pvh_denied(CONFIG(""), "nics[0].gatewaydev", "eth0");
    pvh_denied(CONFIG(""), "nics[0].coloft_forwarddev", "eth0");
    pvh_denied(CONFIG(""), "disks[0].colo_host", "x");
    pvh_denied(CONFIG(""), "on_crash", "coredump_restart");
    pvh_denied(CONFIG(""), "b_info.nested_hvm", "True");
    pvh_denied(CONFIG(""), "b_info.vpmu", "True");
    pvh_denied(CONFIG(""), "b_info.arch_x86.msr_relaxed", "True");
    pvh_denied(CONFIG(""), "vfbs[0].vnc.listen", "0.0.0.0");
    pvh_denied(CONFIG(""), "vfbs[0].sdl.enable", "True");
    hvm_denied(HVM, "b_info.type.hvm.serial_list[0]", "tcp:10.0.0.1:1");
    hvm_denied(HVM, "b_info.type.hvm.usbdevice", "host:1.1");
    hvm_denied(HVM, "b_info.type.hvm.usbdevice_list[0]", "host:1.1");
    hvm_denied(HVM, "b_info.type.hvm.gfx_passthru", "True");
    hvm_denied(HVM, "b_info.type.hvm.firmware", "/etc/shadow");
    hvm_denied(HVM, "b_info.type.hvm.system_firmware", "/etc/shadow");
    hvm_denied(HVM, "b_info.type.hvm.smbios_firmware", "/etc/shadow");
    hvm_denied(HVM, "b_info.type.hvm.acpi_firmware", "/etc/shadow");
    hvm_denied(HVM, "b_info.type.hvm.spice.enable", "True");
    hvm_denied(HVM, "b_info.type.hvm.spice.host", "0.0.0.0");
}
END_TEST

START_TEST(values_must_be_harmless_too)
{
    pvh_denied(CONFIG(""), "c_info.domid", "1,2");
    pvh_denied(CONFIG(""), "b_info.rtc_timeoffset", "1e3");
    pvh_denied(CONFIG(""), "b_info.tsc_mode", "a,b");
    pvh_denied(CONFIG(""), "b_info.localtime", "yes");
    pvh_denied(CONFIG(""), "vkbs[0].unique_id", "a,b");
    pvh_denied(CONFIG(""), "channels[0].name", "../x");
    pvh_denied(CONFIG(""), "nics[0].mac", "00:16:3e:00:00:01,script=/x");
    pvh_denied(CONFIG(""), "nics[0].model", "vfio-pci");
    pvh_denied(CONFIG(""), "nics[0].ip", "10.0.0.1;reboot");
    pvh_denied(CONFIG(""), "nics", "{");
    pvh_denied(CONFIG(""), "disks[0].vdev", "xvda,x");
    pvh_denied(CONFIG(""), "nics[0].mtu", "68");
    pvh_denied(CONFIG(""), "b_info.sched_params.weight", "257");
    pvh_denied(CONFIG(""), "b_info.sched_params.weight", "-1");
    pvh_allowed(CONFIG(""), "b_info.sched_params.weight", "256");
    pvh_allowed(CONFIG(""), "b_info.rtc_timeoffset", "-5");
    pvh_allowed(CONFIG(""), "b_info.localtime", "<default>");
    pvh_allowed(CONFIG(""), "nics", "[]");
}
END_TEST

START_TEST(the_guests_name_is_no_path_and_no_option)
{
    static const char *const bad[] = {
        "", "a/b", "../x", "a,process=x", "a\nb", "a\xe2\x80\xae",
    };
    const struct sm_policy_fact good[] = {
        { "c_info.type", "pvh" }, { "c_info.name", "g 1 \xc3\xb6" },
    };
    struct sm_policy_fact facts[] = {
        { "c_info.type", "pvh" }, { "c_info.name", "g1" },
    };
    size_t i;

    allowed_n(CONFIG(""), good, 2);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        facts[1].value = bad[i];
        check(CONFIG(""), facts, 2);
        ck_assert(!d.allow);
        ck_assert_ptr_nonnull(strstr(d.text, "c_info.name"));
    }
}
END_TEST

START_TEST(the_kind_of_guest)
{
    const struct sm_policy_fact none[] = { { "c_info.name", "g1" } };
    const struct sm_policy_fact mixed[] = {
        { "c_info.type", "pvh" }, { "b_info.type.hvm.boot", "c" },
    };
    const struct sm_policy_fact pv[] = {
        { "c_info.type", "pv" }, { "b_info.type.pv", "{}" },
    };
    const struct sm_policy_fact odd[] = { { "c_info.type", "invalid" } };

    denied_n(CONFIG(""), none, 1, "c_info.type", "");
    denied_n(CONFIG(""), NULL, 0, "c_info.type", "");
    denied_n(ALLOW("<config types='pvh hvm'/>"), mixed, 2,
             "b_info.type.hvm.boot", "c");
    allowed_n(CONFIG(""), pv, 2);
    denied_n(ALLOW("<config types='pvh'/>"), pv, 2, "c_info.type", "pv");
    denied_n(ALLOW("<config types='pv pvh hvm'/>"), odd, 1, "c_info.type",
             "invalid");
}
END_TEST

START_TEST(limits)
{
    const struct sm_policy_fact facts[] = { ORDINARY_PVH };

    allowed_n(CONFIG("<memory max='512 MiB'/><vcpus max='2'/>"), facts,
              N(facts));
    denied_n(CONFIG("<memory max='511 MiB'/>"), facts, N(facts),
             "b_info.max_memkb", "524288");
    denied_n(CONFIG("<vcpus max='1'/>"), facts, N(facts),
             "b_info.max_vcpus", "2");
    pvh_allowed(CONFIG(""), "b_info.iommu_memkb", "196608");
    pvh_denied(CONFIG(""), "b_info.iommu_memkb", "196609");
    pvh_denied(CONFIG(""), "b_info.video_memkb", "18446744073709551615");
    pvh_denied(CONFIG(""), "b_info.video_memkb", "-1");
    pvh_denied(CONFIG(""), "b_info.stubdomain_memkb", "1");
}
END_TEST

START_TEST(disk_paths)
{
    static const char rules[] = CONFIG("<disk path='/dev/vg0/g*'/>"
                                       "<disk path='/srv/?/x'/>");
    static const char *const good[] = { "/dev/vg0/g1", "/srv/a/x" };
    static const char *const bad[] = {
        "/dev/vg0/h1", "/dev/vg0/g1/x", "/dev/sda", "/dev/vg0", "",
        "/dev/vg0/g/../../sda", "/dev/vg0/../vg0/g1", "/dev/vg0//g1",
        "/dev/./vg0/g1", "/srv/../x", "dev/vg0/g1", "/dev/vg0/g1,readonly=on",
        "/dev/vg0/g1 x", "/dev/vg0/g$(id)", "/dev/vg0/g1/", "file:/dev/sda",
        "/dev/vg0/g\xc3\xb6",
    };
    struct sm_policy_fact facts[] = { ORDINARY_PVH, GOOD_DISK };
    char longer[1100];
    size_t i, at = N(facts) - 4;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        facts[at].value = good[i];
        allowed_n(rules, facts, N(facts));
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        facts[at].value = bad[i];
        denied_n(rules, facts, N(facts), "disks[0].pdev_path", bad[i]);
    }
    memset(longer, 'g', sizeof(longer) - 1);
    memcpy(longer, "/dev/vg0/", 9);
    longer[sizeof(longer) - 1] = '\0';
    facts[at].value = longer;
    check(rules, facts, N(facts));
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "ggg...\""));
}
END_TEST

START_TEST(disks_as_a_whole)
{
    struct sm_policy_fact facts[] = {
        ORDINARY_PVH, GOOD_DISK, { "disks[0].script", "block" },
        { "disks[0].backend", "phy" },
    };
    const size_t n = N(facts), format = n - 4, script = n - 2,
                 backend = n - 1;
    const struct sm_policy_fact empty[] = {
        ORDINARY_PVH, { "disks[0].format", "empty" },
        { "disks[0].is_cdrom", "1" }, { "disks[0].vdev", "hdc" },
    };
    const struct sm_policy_fact no_path[] = {
        ORDINARY_PVH, { "disks[0].format", "raw" },
    };
    static const char plain[] = CONFIG("<disk path='/dev/vg0/*'/>");

    allowed_n(plain, facts, n);
    facts[script].value = "/etc/xen/scripts/block";
    allowed_n(plain, facts, n);
    facts[script].value = "/root/evil.sh";
    denied_n(plain, facts, n, "disks[0].script", "/root/evil.sh");
    facts[script].value = "block-iscsi";
    denied_n(plain, facts, n, "disks[0].script", "block-iscsi");
    facts[script].value = "../../../root/evil.sh";
    denied_n(plain, facts, n, "disks[0].script", "../../../root/evil.sh");
    facts[script].value = "block";

    facts[format].value = "qcow2";
    denied_n(plain, facts, n, "disks[0].format", "qcow2");
    allowed_n(CONFIG("<disk path='/dev/vg0/*' format='raw qcow2'/>"), facts,
              n);
    facts[format].value = "unknown";
    denied_n(plain, facts, n, "disks[0].format", "unknown");
    facts[format].value = "raw";

    facts[backend].value = "standalone";
    denied_n(plain, facts, n, "disks[0].backend", "standalone");
    allowed_n(CONFIG("<disk path='/dev/vg0/*' backend='standalone'/>"),
              facts, n);
    facts[backend].value = "qdisk";
    allowed_n(plain, facts, n);

    denied_n(CONFIG("<disk path='/dev/vg0/*' readonly='yes'/>"), facts, n,
             "disks[0].readwrite", "1");

    allowed_n(CONFIG(""), empty, N(empty));
    check(plain, no_path, N(no_path));
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "without a path"));
}
END_TEST

START_TEST(disk_scripts)
{
    struct sm_policy_fact facts[] = {
        ORDINARY_PVH, { "disks[0].script", "block-iscsi" },
        { "disks[0].pdev_path", "iqn.2001-04.com.example:g1" },
        { "disks[0].format", "raw" },
    };
    const size_t n = N(facts), script = n - 3, path = n - 2;
    static const char rules[] =
        CONFIG("<disk path='iqn.*:*' script='block-iscsi'/>");

    allowed_n(rules, facts, n);
    facts[script].value = "/etc/xen/scripts/block-iscsi";
    allowed_n(rules, facts, n);
    facts[script].value = "/etc/xen/scripts/block-nbd";
    denied_n(rules, facts, n, "disks[0].script",
             "/etc/xen/scripts/block-nbd");
    facts[script].value = "block-iscsi";
    facts[path].value = "iqn.x:y;reboot";
    denied_n(rules, facts, n, "disks[0].pdev_path", "iqn.x:y;reboot");
    facts[path].value = "other";
    denied_n(rules, facts, n, "disks[0].pdev_path", "other");
    /* the element is for this script only */
    facts[script].value = "block";
    facts[path].value = "/dev/vg0/x";
    denied_n(rules, facts, n, "disks[0].pdev_path", "/dev/vg0/x");
}
END_TEST

/* Two disks: each is judged by all of its own fields. */
START_TEST(disks_are_not_mixed_up)
{
    struct sm_policy_fact facts[] = {
        ORDINARY_PVH, GOOD_DISK,
        { "disks[1].pdev_path", "/srv/img/a" },
        { "disks[1].format", "qcow2" },
        { "disks[10].pdev_path", "/dev/vg0/z" },
        { "disks[10].format", "raw" },
    };
    static const char rules[] =
        CONFIG("<disk path='/dev/vg0/*'/>"
               "<disk path='/srv/img/*' format='qcow2'/>");
    const size_t n = N(facts);

    allowed_n(rules, facts, n);
    facts[n - 1].value = "qcow2";
    denied_n(rules, facts, n, "disks[10].format", "qcow2");
    facts[n - 1].value = "raw";
    facts[n - 3].value = "raw";
    denied_n(rules, facts, n, "disks[1].format", "raw");
}
END_TEST

START_TEST(interfaces)
{
    struct sm_policy_fact facts[] = {
        ORDINARY_PVH, { "nics[0].bridge", "xenbr0" },
        { "nics[0].script", "vif-bridge" }, { "nics[0].ifname", "" },
    };
    const struct sm_policy_fact bare[] = {
        ORDINARY_PVH, { "nics[0].mac", "00:16:3e:00:00:01" },
    };
    const size_t n = N(facts), bridge = n - 3, script = n - 2,
                 interface = n - 1;
    static const char plain[] = CONFIG("<bridge name='xenbr?'/>");

    allowed_n(plain, facts, n);
    facts[bridge].value = "eth0";
    denied_n(plain, facts, n, "nics[0].bridge", "eth0");
    facts[bridge].value = "xenbr0,x";
    denied_n(plain, facts, n, "nics[0].bridge", "xenbr0,x");
    facts[bridge].value = "xenbr1";
    allowed_n(plain, facts, n);
    facts[script].value = "/root/probe.sh";
    denied_n(plain, facts, n, "nics[0].script", "/root/probe.sh");
    facts[script].value = "vif-route";
    denied_n(plain, facts, n, "nics[0].script", "vif-route");
    allowed_n(CONFIG("<bridge name='xenbr1' script='vif-route'/>"), facts,
              n);
    facts[script].value = "vif-bridge";
    allowed_n(CONFIG("<bridge name='xenbr1' script='vif-route'/>"), facts,
              n);
    facts[interface].value = "eth0";
    denied_n(plain, facts, n, "nics[0].ifname", "eth0");
    facts[interface].value = "g1.0";
    allowed_n(CONFIG("<bridge name='xenbr1' interface='g*'/>"), facts, n);

    /* none named means libxl's default bridge, which needs a word too */
    allowed_n(plain, bare, N(bare));
    check(CONFIG("<bridge name='other'/>"), bare, N(bare));
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "xenbr0"));
}
END_TEST

START_TEST(pci_devices)
{
    struct sm_policy_fact facts[] = {
        ORDINARY_PVH, { "pcidevs[0].domain", "0" },
        { "pcidevs[0].bus", "3" }, { "pcidevs[0].dev", "10" },
        { "pcidevs[0].func", "1" }, { "pcidevs[0].vfunc_mask", "1" },
        { "pcidevs[0].permissive", "false" },
    };
    const size_t n = N(facts), func = n - 3, mask = n - 2,
                 permissive = n - 1;
    static const char one[] = CONFIG("<pci address='0000:03:0a.1'/>");

    allowed_n(one, facts, n);
    allowed_n(CONFIG("<pci address='0000:03:0A.*'/>"), facts, n);
    check(CONFIG(""), facts, n);
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "\"0000:03:0a.1\""));
    facts[func].value = "0";
    check(one, facts, n);
    ck_assert(!d.allow);
    facts[func].value = "1";
    facts[mask].value = "255";
    check(one, facts, n);
    ck_assert(!d.allow);
    facts[mask].value = "1";
    facts[permissive].value = "true";
    check(one, facts, n);
    ck_assert(!d.allow);
    allowed_n(CONFIG("<pci address='0000:03:0a.1' permissive='yes'/>"),
              facts, n);
    facts[permissive].value = "perhaps";
    denied_n(one, facts, n, "pcidevs[0].permissive", "perhaps");
}
END_TEST

START_TEST(lists_of_patterns)
{
    const struct sm_policy_fact vnc[] = {
        ORDINARY_HVM, { "vfbs[0].vnc.listen", "10.0.0.5" },
    };

    pvh_allowed(CONFIG("<kernel path='/boot/g/*'/>"), "b_info.kernel",
                "/boot/g/vmlinuz");
    pvh_denied(CONFIG("<kernel path='/boot/g/*'/>"), "b_info.kernel",
               "/boot/g/../vmlinuz");
    pvh_denied(CONFIG("<kernel path='/boot/g/*'/>"), "b_info.ramdisk",
               "/boot/g/initrd");
    pvh_allowed(CONFIG("<ramdisk path='/boot/g/*'/>"), "b_info.ramdisk",
                "/boot/g/initrd");
    pvh_allowed(CONFIG("<bootloader path='pygrub'/>"), "b_info.bootloader",
                "pygrub");
    pvh_denied(CONFIG("<bootloader path='pygrub'/>"), "b_info.bootloader",
               "/root/pygrub");
    pvh_denied(CONFIG("<bootloader path='*'/>"), "b_info.bootloader",
               "../pygrub");
    pvh_allowed(CONFIG("<device-model path='/usr/lib/xen/*/qemu'/>"),
                "b_info.device_model", "/usr/lib/xen/bin/qemu");
    pvh_allowed(CONFIG("<seclabel name='system_u:system_r:domU_*'/>"),
                "c_info.ssid_label", "system_u:system_r:domU_t");
    pvh_allowed(CONFIG("<field path='b_info.extra[*]' value='-foo'/>"),
                "b_info.extra[7]", "-foo");
    pvh_denied(CONFIG("<field path='b_info.extra[*]' value='-foo'/>"),
               "b_info.extra[7]", "-bar");
    pvh_denied(CONFIG("<field path='b_info.extra[0]' value='-foo'/>"),
               "b_info.extra[1]", "-foo");
    allowed_n(ALLOW("<config types='hvm'><vnc listen='10.0.0.*'/></config>"),
              vnc, N(vnc));
    denied_n(HVM, vnc, N(vnc), "vfbs[0].vnc.listen", "10.0.0.5");
}
END_TEST

START_TEST(odd_values_of_devices_are_refused)
{
    struct sm_policy_fact facts[] = {
        ORDINARY_PVH, GOOD_DISK, { "disks[0].backend", "unknown" },
        GOOD_NIC, { "nics[0].ifname", "g1" },
        { "pcidevs[0].bus", "3" },
    };
    const size_t n = N(facts), write = n - 8, script = n - 3,
                 interface = n - 2, bus = n - 1;
    static const char rules[] =
        CONFIG("<disk path='/dev/vg0/*'/><bridge name='xenbr0' "
               "interface='*'/><pci address='0000:03:00.0'/>");
    char longer[1100];

    allowed_n(rules, facts, n);
    facts[write].value = "2";
    denied_n(rules, facts, n, "disks[0].readwrite", "2");
    facts[write].value = "1";
    facts[script].value = "vif bridge";
    denied_n(rules, facts, n, "nics[0].script", "vif bridge");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    facts[script].value = longer;
    check(rules, facts, n);
    ck_assert(!d.allow);
    facts[script].value = "vif-bridge";
    facts[interface].value = "g,1";
    denied_n(rules, facts, n, "nics[0].ifname", "g,1");
    facts[interface].value = "g1";
    facts[bus].value = "0x3";
    denied_n(rules, facts, n, "pcidevs[0].bus", "0x3");
}
END_TEST

START_TEST(a_field_allowed_by_name_is_bounded_too)
{
    char longer[1100];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    pvh_allowed(CONFIG("<field path='b_info.extra[*]' value='*'/>"),
                "b_info.extra[0]", "x");
    check(CONFIG("<field path='b_info.extra[*]' value='*'/>"),
          (const struct sm_policy_fact[]){
              { "c_info.type", "pvh" }, { "b_info.extra[0]", longer } }, 2);
    ck_assert(!d.allow);
    /* no index, no device: only the element's word counts */
    pvh_allowed(CONFIG("<field path='disks[' value='x'/>"), "disks[", "x");
}
END_TEST

START_TEST(a_decision_of_another_policy_admits_nothing)
{
    struct sm_policy *policy = policy_of(CONFIG(""));
    struct sm_policy *other = policy_of("");
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_IN);
    const struct sm_policy_fact facts[] = { ORDINARY_PVH };

    sm_policy_decide(policy, &r, &d);
    ck_assert(d.allow);
    sm_policy_check_config(other, &r, &d, facts, N(facts), &d);
    ck_assert(!d.allow);
    ck_assert_str_eq(d.rule, "config");
    ck_assert_ptr_null(d.matched);
    sm_policy_free(policy);
    sm_policy_free(other);
}
END_TEST

START_TEST(a_field_given_twice_is_refused)
{
    pvh_denied(CONFIG(""), "b_info.max_memkb", "524288");
    ck_assert_ptr_nonnull(strstr(d.text, "twice"));
}
END_TEST

START_TEST(too_many_facts_are_refused)
{
    struct sm_policy_fact *facts = calloc(SM_POLICY_FACTS_MAX + 1,
                                          sizeof(*facts));
    char (*names)[32] = calloc(SM_POLICY_FACTS_MAX + 1, sizeof(*names));
    size_t i;

    ck_assert(facts && names);
    for (i = 0; i <= SM_POLICY_FACTS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "b_info.cpumap[%zu]", i);
        facts[i].field = names[i];
        facts[i].value = "1";
    }
    facts[0].field = "c_info.type";
    facts[0].value = "pv";
    allowed_n(CONFIG(""), facts, SM_POLICY_FACTS_MAX);
    check(CONFIG(""), facts, SM_POLICY_FACTS_MAX + 1);
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "too many"));
    free(facts);
    free(names);
}
END_TEST

START_TEST(what_is_not_printable_is_not_shown)
{
    const struct sm_policy_fact facts[] = {
        ORDINARY_PVH, { "b_info.kernel", "/x\033[2J" },
    };
    const struct sm_policy_fact field[] = {
        ORDINARY_PVH, { "b_info.\033[2J", "x" },
    };

    check(CONFIG(""), facts, N(facts));
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "not printable"));
    check(CONFIG(""), field, N(field));
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "not printable"));
}
END_TEST

START_TEST(one_of_the_rules_that_apply_must_admit_all)
{
    const struct sm_policy_fact facts[] = { ORDINARY_PVH, GOOD_DISK };
    const struct sm_policy_fact both[] = {
        ORDINARY_PVH, GOOD_DISK, GOOD_NIC,
    };
    static const char two[] =
        "<rule id='disks' effect='allow' action='migrate-in'><config>"
        "<disk path='/dev/vg0/*'/></config></rule>"
        "<rule id='nics' effect='allow' action='migrate-in'><config>"
        "<bridge name='xenbr0'/></config></rule>";
    static const char other[] =
        "<rule id='nics' effect='allow' action='migrate-in'><config>"
        "<bridge name='xenbr0'/></config></rule>"
        "<rule id='disks' effect='allow' action='migrate-in'><config>"
        "<disk path='/dev/vg0/*'/></config></rule>";
    static const char not_this_guest[] =
        "<rule id='nics' effect='allow' action='migrate-in'/>"
        "<rule id='disks' effect='allow' action='migrate-in'>"
        "<vm name='g2'/><config><disk path='/dev/vg0/*'/></config></rule>";

    check(two, facts, N(facts));
    ck_assert(d.allow);
    ck_assert_str_eq(d.rule, "disks");
    check(other, facts, N(facts));
    ck_assert(d.allow);
    ck_assert_str_eq(d.rule, "disks");
    ck_assert_ptr_nonnull(strstr(d.text, "allowed"));
    check(two, both, N(both));
    ck_assert(!d.allow);
    ck_assert_ptr_nonnull(strstr(d.text, "by rule disks"));
    check(not_this_guest, facts, N(facts));
    ck_assert(!d.allow);
}
END_TEST

START_TEST(what_was_denied_stays_denied)
{
    struct sm_policy *policy = policy_of(CONFIG(""));
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_OUT);
    const struct sm_policy_fact facts[] = { ORDINARY_PVH };

    sm_policy_decide(policy, &r, &d);
    ck_assert_str_eq(d.rule, "default-deny");
    sm_policy_check_config(policy, &r, &d, facts, N(facts), &d);
    ck_assert(!d.allow);
    ck_assert_str_eq(d.rule, "default-deny");
    sm_policy_decide(NULL, &r, &d);
    sm_policy_check_config(NULL, &r, &d, facts, N(facts), &d);
    ck_assert_str_eq(d.rule, "no-policy");
    sm_policy_free(policy);
}
END_TEST

START_TEST(the_table_names_each_field_once)
{
    const struct sm_policy_known *k;
    char field[128], *star;
    size_t i;

    for (i = 0; (k = sm_policy_field_known(i)); i++) {
        snprintf(field, sizeof(field), "%s", k->field);
        while ((star = strchr(field, '*')))
            *star = '7';
        ck_assert_msg(sm_policy_field_find(field) == k, "%s", field);
        ck_assert_int_eq(k->kind == SM_FIELD_ONE_OF ||
                         k->kind == SM_FIELD_AT_MOST, k->words != NULL);
    }
    ck_assert_uint_gt(i, 200);
}
END_TEST

#define REQUIRE(id, require, config) \
    "<rule id='" id "' effect='allow' action='migrate-in'>" \
    "<require " require "/><config>" config "</config></rule>"

START_TEST(obligations_of_the_rule_that_admits_are_added)
{
    static const struct sm_policy_fact facts[] = { ORDINARY_PVH, GOOD_DISK };

    allowed_n(REQUIRE("in0", "max-downtime='2 s'", "")
              REQUIRE("in", "notify-guest='yes' max-downtime='1 s'",
                      "<disk path='/dev/vg0/*'/>"), facts, N(facts));
    ck_assert(d.obligations.notify_guest);
    ck_assert_uint_eq(d.obligations.max_downtime_ms, 1000);
}
END_TEST

/* A rule that would admit it, but has not got its evidence. */
START_TEST(only_satisfied_rules_admit)
{
    static const struct sm_policy_fact facts[] = { ORDINARY_PVH, GOOD_DISK };

    denied_n(ALLOW("") REQUIRE("more", "attestation='p'",
                               "<disk path='/dev/vg0/*'/>"), facts,
             N(facts), "disks[0].pdev_path", "/dev/vg0/g1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy config");
    TCase *tc = tcase_create("config");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_ordinary_guest);
    tcase_add_test(tc, an_unknown_field_is_refused);
    tcase_add_test(tc, what_runs_as_root_is_refused);
    tcase_add_test(tc, values_must_be_harmless_too);
    tcase_add_test(tc, the_guests_name_is_no_path_and_no_option);
    tcase_add_test(tc, the_kind_of_guest);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, disk_paths);
    tcase_add_test(tc, disks_as_a_whole);
    tcase_add_test(tc, disk_scripts);
    tcase_add_test(tc, disks_are_not_mixed_up);
    tcase_add_test(tc, interfaces);
    tcase_add_test(tc, pci_devices);
    tcase_add_test(tc, lists_of_patterns);
    tcase_add_test(tc, odd_values_of_devices_are_refused);
    tcase_add_test(tc, a_field_allowed_by_name_is_bounded_too);
    tcase_add_test(tc, obligations_of_the_rule_that_admits_are_added);
    tcase_add_test(tc, only_satisfied_rules_admit);
    tcase_add_test(tc, a_decision_of_another_policy_admits_nothing);
    tcase_add_test(tc, a_field_given_twice_is_refused);
    tcase_add_test(tc, too_many_facts_are_refused);
    tcase_add_test(tc, what_is_not_printable_is_not_shown);
    tcase_add_test(tc, one_of_the_rules_that_apply_must_admit_all);
    tcase_add_test(tc, what_was_denied_stays_denied);
    tcase_add_test(tc, the_table_names_each_field_once);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
