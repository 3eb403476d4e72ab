/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the text of a domain config to the answer: what xl makes of ordinary
 * guests is admitted by an ordinary policy, and every hostile change to it is
 * refused, with the name of the field.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../helper/secmig-xl/flatten.h"
#include "domain_configs.h"
#include "policy/config.h"
#include "policy_request.h"

#define FACTS_MAX 1024

/* What the three guests need, and no more. */
static const char rules[] =
    "<rule id='in' effect='allow' action='migrate-in'>"
    "<config types='pv pvh hvm'><memory max='2 GiB'/><vcpus max='2'/>"
    "<disk path='/dev/vg0/*'/><disk path='/srv/iso/*' readonly='yes'/>"
    "<bridge name='xenbr0'/><bridge name='br-prod'/>"
    "<bootloader path='pygrub'/>"
    "<kernel path='/boot/*'/><ramdisk path='/boot/*'/>"
    "</config></rule>";

static struct sm_policy_decision d;

static void check(const char *json)
{
    struct sm_policy *policy = policy_of(rules);
    struct sm_policy_request r = usual(SM_POLICY_MIGRATE_IN);
    static char names[FACTS_MAX][SM_FLATTEN_FIELD_MAX], values[FACTS_MAX][512];
    static struct sm_policy_fact facts[FACTS_MAX];
    struct sm_wire_reader reader;
    struct sm_wire_writer w;
    uint32_t n = 0, i;
    char why[256];

    sm_wire_writer_init(&w, 1 << 20);
    ck_assert_msg(sm_flatten(json, strlen(json), &w, &n, why,
                             sizeof(why)) == 0, "%s", why);
    ck_assert_uint_le(n, FACTS_MAX);
    sm_wire_reader_init(&reader, w.data, w.len);
    for (i = 0; i < n; i++) {
        sm_wire_get_str(&reader, names[i], sizeof(names[i]));
        sm_wire_get_str(&reader, values[i], sizeof(values[i]));
        facts[i].field = names[i];
        facts[i].value = values[i];
    }
    ck_assert_int_eq(sm_wire_end(&reader), 0);
    sm_wire_writer_dispose(&w);
    sm_policy_decide(policy, &r, &d);
    ck_assert(d.allow);
    sm_policy_check_config(policy, &r, &d, facts, n, &d);
    sm_policy_free(policy);
}

START_TEST(ordinary_guests_are_admitted)
{
    check(config_hvm);
    ck_assert_msg(d.allow, "%s", d.text);
    check(config_pv);
    ck_assert_msg(d.allow, "%s", d.text);
    check(config_pvh);
    ck_assert_msg(d.allow, "%s", d.text);
}
END_TEST

/* Replace `from` in `config` by `to`; `field` must be named as the reason. */
static const struct {
    const char *config, *from, *to, *field;
} hostile[] = {
#define IN(config, from, to, field) { config, from, to, field }
#define B_INFO(member, field) \
    IN(config_pvh, "\"max_vcpus\":1", member ",\"max_vcpus\":1", \
       "b_info." field)
#define HVM(member, field) \
    IN(config_hvm, "\"boot\":\"cd\"", member ",\"boot\":\"cd\"", \
       "b_info.type.hvm." field)
#define DISK(member, field) \
    IN(config_hvm, "\"vdev\":\"xvda\"", "\"vdev\":\"xvda\"," member, \
       "disks[0]." field)
#define NIC(member, field) \
    IN(config_hvm, "\"model\":\"e1000\"", member, "nics[0]." field)
#define TOP(member, field) \
    IN(config_pvh, "\"on_reboot\":\"restart\"", member, field)
    /* programs */
    DISK("\"script\":\"/root/probe.sh\"", "script"),
    DISK("\"script\":\"../../../root/probe.sh\"", "script"),
    NIC("\"script\":\"/root/probe.sh\"", "script"),
    B_INFO("\"device_model\":\"/root/probe.sh\"", "device_model"),
    B_INFO("\"bootloader\":\"/root/probe.sh\"", "bootloader"),
    B_INFO("\"bootloader_args\":[\"-x\"]", "bootloader_args[0]"),
    B_INFO("\"extra\":[\"-chardev\",\"file,path=/etc/x\"]", "extra[0]"),
    B_INFO("\"extra_pv\":[\"-x\"]", "extra_pv[0]"),
    B_INFO("\"extra_hvm\":[\"-x\"]", "extra_hvm[0]"),
    B_INFO("\"device_model_user\":\"root\"", "device_model_user"),
    B_INFO("\"device_model_version\":\"qemu_xen_traditional\"",
           "device_model_version"),
    B_INFO("\"stubdomain_kernel\":\"/etc/shadow\"", "stubdomain_kernel"),
    IN(config_pv, "\"pygrub\"", "\"/srv/pygrub\"", "b_info.bootloader"),
    IN(config_pv, "\"type.pv\":{}",
       "\"type.pv\":{\"bootloader\":\"/x\"}", "b_info.type.pv.bootloader"),
    /* files and block devices */
    IN(config_hvm, "/dev/vg0/win", "/dev/sda", "disks[0].pdev_path"),
    IN(config_hvm, "/dev/vg0/win", "/dev/vg0/../sda",
       "disks[0].pdev_path"),
    IN(config_hvm, "/dev/vg0/win", "/dev/vg0/w,snapshot=on",
       "disks[0].pdev_path"),
    IN(config_hvm, "/dev/vg0/win\",\"vdev\":\"xvda\",\"format\":\"raw",
       "/dev/vg0/win\",\"vdev\":\"xvda\",\"format\":\"qcow2",
       "disks[0].format"),
    IN(config_hvm, "\"is_cdrom\":1", "\"readwrite\":1",
       "disks[1].readwrite"),
    DISK("\"backend\":\"tap\"", "backend"),
    DISK("\"backend_domname\":\"x\"", "backend_domname"),
    DISK("\"backend_domid\":3", "backend_domid"),
    DISK("\"colo_host\":\"192.0.2.1\"", "colo_host"),
    IN(config_pvh, "/boot/vmlinuz", "/etc/shadow", "b_info.kernel"),
    IN(config_pvh, "/boot/i", "/boot/../etc/shadow", "b_info.ramdisk"),
    B_INFO("\"device_tree\":\"/etc/shadow\"", "device_tree"),
    HVM("\"firmware\":\"/etc/shadow\"", "firmware"),
    HVM("\"acpi_firmware\":\"/etc/shadow\"", "acpi_firmware"),
    HVM("\"smbios_firmware\":\"/etc/shadow\"", "smbios_firmware"),
    HVM("\"system_firmware\":\"/etc/shadow\"", "system_firmware"),
    TOP("\"p9s\":[{\"path\":\"/\",\"tag\":\"x\"}]", "p9s[0].path"),
    TOP("\"channels\":[{\"connection.socket\":{\"path\":\"/x\"}}]",
        "channels[0].connection.socket.path"),
    IN(config_hvm, "\"serial\":\"pty\"", "\"serial\":\"file:/etc/x\"",
       "b_info.type.hvm.serial"),
    /* hardware */
    TOP("\"pcidevs\":[{\"bus\":3}]", "pcidevs[0].bus"),
    TOP("\"pcidevs\":[{}]", "pcidevs[0]"),
    TOP("\"rdms\":[{\"start\":0}]", "rdms[0].start"),
    TOP("\"dtdevs\":[{\"path\":\"/x\"}]", "dtdevs[0].path"),
    TOP("\"usbdevs\":[{\"type.hostdev\":{\"hostbus\":1}}]",
        "usbdevs[0].type.hostdev.hostbus"),
    B_INFO("\"ioports\":[{\"first\":112,\"number\":2}]", "ioports[0].first"),
    B_INFO("\"irqs\":[1]", "irqs[0]"),
    B_INFO("\"iomem\":[{\"start\":0,\"number\":1}]", "iomem[0].number"),
    HVM("\"gfx_passthru\":\"True\"", "gfx_passthru"),
    IN(config_hvm, "\"usbdevice\":\"tablet\"",
       "\"usbdevice\":\"host:1.1\"", "b_info.type.hvm.usbdevice"),
    IN(config_pvh, "\"type\":\"pvh\"",
       "\"type\":\"pvh\",\"passthrough\":\"enabled\"",
       "c_info.passthrough"),
    /* networks */
    IN(config_hvm, "br-prod", "br-admin", "nics[0].bridge"),
    IN(config_hvm, "br-prod", "xenbr0,br=br-admin", "nics[0].bridge"),
    NIC("\"ifname\":\"eth0\"", "ifname"),
    NIC("\"gatewaydev\":\"eth0\"", "gatewaydev"),
    NIC("\"model\":\"e1000,netdev=x\"", "model"),
    NIC("\"backend_domname\":\"x\"", "backend_domname"),
    NIC("\"coloft_forwarddev\":\"eth0\"", "coloft_forwarddev"),
    IN(config_hvm, "\"vnc\":{\"enable\":\"True\"}",
       "\"vnc\":{\"enable\":\"True\",\"listen\":\"0.0.0.0\"}",
       "b_info.type.hvm.vnc.listen"),
    IN(config_pv, "\"vnc\":{\"enable\":\"True\"}",
       "\"vnc\":{\"enable\":\"True\",\"listen\":\"0.0.0.0\"}",
       "vfbs[0].vnc.listen"),
    IN(config_hvm, "\"spice\":{}", "\"spice\":{\"enable\":\"True\"}",
       "b_info.type.hvm.spice.enable"),
    IN(config_hvm, "\"sdl\":{}", "\"sdl\":{\"enable\":\"True\"}",
       "b_info.type.hvm.sdl.enable"),
    TOP("\"pvcallsifs\":[{\"devid\":0}]", "pvcallsifs[0].devid"),
    /* memory, names, labels, the rest */
    IN(config_pvh, "\"max_memkb\":262144", "\"max_memkb\":4294967296",
       "b_info.max_memkb"),
    IN(config_hvm, "\"video_memkb\":16384", "\"video_memkb\":16777216",
       "b_info.video_memkb"),
    B_INFO("\"shadow_memkb\":4294967296", "shadow_memkb"),
    IN(config_hvm, "\"max_vcpus\":2", "\"max_vcpus\":128",
       "b_info.max_vcpus"),
    IN(config_pvh, "\"name\":\"p1\"", "\"name\":\"../../etc/p1\"",
       "c_info.name"),
    IN(config_pvh, "\"name\":\"p1\"", "\"name\":\"p1,process=x\"",
       "c_info.name"),
    IN(config_pvh, "\"pool_name\":\"Pool-0\"",
       "\"pool_name\":\"dom0-only\"", "c_info.pool_name"),
    IN(config_pvh, "\"type\":\"pvh\"",
       "\"type\":\"pvh\",\"ssid_label\":\"system_u:system_r:dom0_t\"",
       "c_info.ssid_label"),
    IN(config_pvh, "\"type\":\"pvh\"",
       "\"type\":\"pvh\",\"driver_domain\":\"True\"",
       "c_info.driver_domain"),
    IN(config_pvh, "\"type\":\"pvh\"",
       "\"type\":\"pvh\",\"xsdata\":{\"vm-data\":\"x\"}",
       "c_info.xsdata.vm-data"),
    IN(config_pvh, "\"type.pvh\":{}", "\"type.hvm\":{\"boot\":\"c\"}",
       "b_info.type.hvm.boot"),
    IN(config_pvh, "\"arch_x86\":{}",
       "\"arch_x86\":{\"msr_relaxed\":\"True\"}",
       "b_info.arch_x86.msr_relaxed"),
    TOP("\"on_crash\":\"coredump_restart\"", "on_crash"),
    TOP("\"new_in_a_later_xen\":{\"x\":1}", "new_in_a_later_xen.x"),
};

START_TEST(each_hostile_change_is_refused_by_field)
{
    const char *config = hostile[_i].config, *from = hostile[_i].from;
    const char *at = strstr(config, from);
    char json[8192], words[256];

    ck_assert_msg(at != NULL, "no %s in the config", from);
    snprintf(json, sizeof(json), "%.*s%s%s", (int)(at - config), config,
             hostile[_i].to, at + strlen(from));
    check(json);
    ck_assert_msg(!d.allow, "admitted: %s", hostile[_i].to);
    snprintf(words, sizeof(words), "domain config: %s = \"",
             hostile[_i].field);
    ck_assert_msg(strstr(d.text, words) == d.text, "%s does not name %s",
                  d.text, hostile[_i].field);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy incoming");
    TCase *tc = tcase_create("configs");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, ordinary_guests_are_admitted);
    tcase_add_loop_test(tc, each_hostile_change_is_refused_by_field, 0,
                        sizeof(hostile) / sizeof(hostile[0]));
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
