/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/fields.h"

#include <string.h>

#define F(field, kind)       { field, SM_FIELD_##kind, NULL, 0 }
#define ONE(field, words)    { field, SM_FIELD_ONE_OF, words, 0 }
#define MAX(field, number)   { field, SM_FIELD_AT_MOST, number, 0 }
#define LIST(field, element) \
    { field, SM_FIELD_LIST, NULL, SM_POLICY_##element }

#define SHUTDOWN_ACTIONS "destroy|restart|restart_rename|preserve|soft_reset"
#define NIC_MODELS "rtl8139|e1000|e1000e|virtio-net|virtio-net-pci|" \
                   "vmxnet3|pcnet|ne2k_pci|netfront"

/*
 * Left out on purpose, so that only <field> can allow it:
 *   c_info.xsdata, platformdata      written into xenstore as they are
 *   b_info.extra, extra_pv, extra_hvm, bootloader_args, device_model_user
 *                                    arguments of programs that run as root
 *   b_info.ioports, irqs, iomem, device_tree; rdms, dtdevs
 *                                    the host's hardware
 *   b_info.stubdomain_*              files and memory of a second guest
 *   *.backend_domname                another guest as a backend
 *   nics[].gatewaydev                an interface of the host
 *   disks[].colo_*, nics[].colo*     COLO: host names, ports, devices
 *   vtpms, p9s, pvcallsifs, vdispls, vsnds, usbctrls, usbdevs,
 *   channels[].connection.socket.path
 *                                    backends with access to the host
 * Names are checked for "," where libxl puts them into an option of QEMU's
 * command line, which it does without escaping.
 */
static const struct sm_policy_known known[] = {
    /* libxl_domain_create_info */
    F("c_info.type", TYPE),
    F("c_info.hap", BOOL),
    F("c_info.oos", BOOL),
    F("c_info.ssidref", ZERO),
    LIST("c_info.ssid_label", SECLABEL),
    F("c_info.name", NAME),         /* also in names of log files */
    F("c_info.domid", NUMBER),
    F("c_info.uuid", UUID),
    F("c_info.xsdata", EMPTY),
    F("c_info.platformdata", EMPTY),
    F("c_info.poolid", ZERO),
    ONE("c_info.pool_name", "Pool-0"),
    F("c_info.run_hotplug_scripts", BOOL),
    F("c_info.driver_domain", OFF),
    ONE("c_info.passthrough", "default|unknown|disabled"),
    F("c_info.xend_suspend_evtchn_compat", BOOL),

    /* libxl_domain_build_info */
    F("b_info.max_vcpus", VCPUS),
    F("b_info.avail_vcpus", EMPTY),
    F("b_info.avail_vcpus[*]", NUMBER),
    F("b_info.cpumap", EMPTY),
    F("b_info.cpumap[*]", NUMBER),
    F("b_info.nodemap", EMPTY),
    F("b_info.nodemap[*]", NUMBER),
    F("b_info.vcpu_hard_affinity", EMPTY),
    F("b_info.vcpu_hard_affinity[*]", EMPTY),
    F("b_info.vcpu_hard_affinity[*][*]", NUMBER),
    F("b_info.vcpu_soft_affinity", EMPTY),
    F("b_info.vcpu_soft_affinity[*]", EMPTY),
    F("b_info.vcpu_soft_affinity[*][*]", NUMBER),
    F("b_info.numa_placement", BOOL),
    F("b_info.tsc_mode", WORD),
    F("b_info.max_memkb", MEMORY),
    F("b_info.target_memkb", MEMORY),
    F("b_info.video_memkb", OVERHEAD),
    F("b_info.shadow_memkb", OVERHEAD),
    F("b_info.iommu_memkb", OVERHEAD),
    F("b_info.rtc_timeoffset", NUMBER),
    F("b_info.exec_ssidref", ZERO),
    LIST("b_info.exec_ssid_label", SECLABEL),
    F("b_info.localtime", BOOL),
    F("b_info.disable_migrate", BOOL),
    F("b_info.cpuid", EMPTY),
    F("b_info.cpuid.cpuid", EMPTY),
    F("b_info.cpuid.cpuid[*].leaf", NUMBER),
    F("b_info.cpuid.cpuid[*].subleaf", NUMBER),
    F("b_info.cpuid.cpuid[*].eax", WORD),
    F("b_info.cpuid.cpuid[*].ebx", WORD),
    F("b_info.cpuid.cpuid[*].ecx", WORD),
    F("b_info.cpuid.cpuid[*].edx", WORD),
    F("b_info.cpuid.msr", EMPTY),
    F("b_info.cpuid.msr[*].index", NUMBER),
    F("b_info.cpuid.msr[*].policy", WORD),
    F("b_info.cpuid[*].leaf", NUMBER),      /* before msr was there */
    F("b_info.cpuid[*].subleaf", NUMBER),
    F("b_info.cpuid[*].eax", WORD),
    F("b_info.cpuid[*].ebx", WORD),
    F("b_info.cpuid[*].ecx", WORD),
    F("b_info.cpuid[*].edx", WORD),
    F("b_info.blkdev_start", WORD),
    F("b_info.vnuma_nodes", EMPTY),
    F("b_info.vnuma_nodes[*].memkb", NUMBER),
    F("b_info.vnuma_nodes[*].distances", EMPTY),
    F("b_info.vnuma_nodes[*].distances[*]", NUMBER),
    F("b_info.vnuma_nodes[*].pnode", NUMBER),
    F("b_info.vnuma_nodes[*].vcpus", EMPTY),
    F("b_info.vnuma_nodes[*].vcpus[*]", NUMBER),
    F("b_info.max_grant_frames", NUMBER),
    F("b_info.max_maptrack_frames", NUMBER),
    F("b_info.max_grant_version", NUMBER),
    ONE("b_info.device_model_version", "unknown|qemu_xen"),
    F("b_info.device_model_stubdomain", OFF),
    LIST("b_info.device_model", DEVICE_MODEL),
    F("b_info.device_model_ssidref", ZERO),
    LIST("b_info.device_model_ssid_label", SECLABEL),
    F("b_info.extra", EMPTY),
    F("b_info.extra_pv", EMPTY),
    F("b_info.extra_hvm", EMPTY),
    F("b_info.sched_params", EMPTY),
    F("b_info.sched_params.sched", WORD),
    MAX("b_info.sched_params.weight", "256"),   /* the default */
    F("b_info.sched_params.cap", NUMBER),
    F("b_info.sched_params.period", NUMBER),
    F("b_info.sched_params.budget", NUMBER),
    F("b_info.sched_params.extratime", NUMBER),
    F("b_info.sched_params.slice", NUMBER),
    F("b_info.sched_params.latency", NUMBER),
    F("b_info.ioports", EMPTY),
    F("b_info.irqs", EMPTY),
    F("b_info.iomem", EMPTY),
    F("b_info.claim_mode", BOOL),
    F("b_info.event_channels", NUMBER),
    /* Not read while a guest is restored, but xl stays as its monitor and
     * builds it anew from this config when it reboots: then kernel, ramdisk
     * and bootloader are files and programs of this host. */
    LIST("b_info.kernel", KERNEL),
    F("b_info.cmdline", TEXT),
    LIST("b_info.ramdisk", RAMDISK),
    F("b_info.acpi", BOOL),
    LIST("b_info.bootloader", BOOTLOADER),
    F("b_info.bootloader_args", EMPTY),
    F("b_info.timer_mode", WORD),
    F("b_info.nested_hvm", OFF),    /* not security-supported */
    F("b_info.apic", BOOL),
    F("b_info.dm_restrict", BOOL),
    ONE("b_info.tee", "none"),
    F("b_info.arch_arm", EMPTY),
    F("b_info.arch_arm.gic_version", WORD),
    F("b_info.arch_arm.vuart", WORD),
    F("b_info.arch_x86", EMPTY),
    F("b_info.arch_x86.msr_relaxed", OFF),
    ONE("b_info.altp2m", "disabled"),
    F("b_info.vmtrace_buf_kb", ZERO),
    F("b_info.vpmu", OFF),          /* not security-supported */

    F("b_info.type.pvh", EMPTY),
    F("b_info.type.pvh.pvshim", BOOL),
    LIST("b_info.type.pvh.pvshim_path", KERNEL),
    F("b_info.type.pvh.pvshim_cmdline", TEXT),
    F("b_info.type.pvh.pvshim_extra", TEXT),

    F("b_info.type.pv", EMPTY),
    LIST("b_info.type.pv.kernel", KERNEL),
    F("b_info.type.pv.slack_memkb", OVERHEAD),
    LIST("b_info.type.pv.bootloader", BOOTLOADER),
    F("b_info.type.pv.bootloader_args", EMPTY),
    F("b_info.type.pv.cmdline", TEXT),
    LIST("b_info.type.pv.ramdisk", RAMDISK),
    F("b_info.type.pv.features", WORD),
    F("b_info.type.pv.e820_host", OFF),

    F("b_info.type.hvm", EMPTY),
    LIST("b_info.type.hvm.firmware", FIRMWARE),
    ONE("b_info.type.hvm.bios", "unknown|rombios|seabios|ovmf"),
    F("b_info.type.hvm.pae", BOOL),
    F("b_info.type.hvm.apic", BOOL),
    F("b_info.type.hvm.acpi", BOOL),
    F("b_info.type.hvm.acpi_s3", BOOL),
    F("b_info.type.hvm.acpi_s4", BOOL),
    F("b_info.type.hvm.acpi_laptop_slate", BOOL),
    F("b_info.type.hvm.nx", BOOL),
    F("b_info.type.hvm.viridian", BOOL),
    F("b_info.type.hvm.viridian_enable", EMPTY),
    F("b_info.type.hvm.viridian_enable[*]", NUMBER),
    F("b_info.type.hvm.viridian_disable", EMPTY),
    F("b_info.type.hvm.viridian_disable[*]", NUMBER),
    F("b_info.type.hvm.timeoffset", NUMBER),
    F("b_info.type.hvm.hpet", BOOL),
    F("b_info.type.hvm.vpt_align", BOOL),
    F("b_info.type.hvm.mmio_hole_memkb", NUMBER),
    F("b_info.type.hvm.timer_mode", WORD),
    F("b_info.type.hvm.nested_hvm", OFF),
    F("b_info.type.hvm.altp2m", OFF),
    LIST("b_info.type.hvm.system_firmware", FIRMWARE),
    LIST("b_info.type.hvm.smbios_firmware", FIRMWARE),
    LIST("b_info.type.hvm.acpi_firmware", FIRMWARE),
    ONE("b_info.type.hvm.hdtype", "ide|ahci"),
    F("b_info.type.hvm.nographic", BOOL),
    F("b_info.type.hvm.vga", EMPTY),
    ONE("b_info.type.hvm.vga.kind", "unknown|cirrus|std|none|qxl"),
    F("b_info.type.hvm.vnc", EMPTY),
    F("b_info.type.hvm.vnc.enable", BOOL),
    LIST("b_info.type.hvm.vnc.listen", VNC),
    F("b_info.type.hvm.vnc.passwd", TEXT),      /* by QMP, not argv */
    F("b_info.type.hvm.vnc.display", NUMBER),
    F("b_info.type.hvm.vnc.findunused", BOOL),
    F("b_info.type.hvm.keymap", WORD),
    F("b_info.type.hvm.sdl", EMPTY),
    F("b_info.type.hvm.sdl.enable", OFF),
    F("b_info.type.hvm.spice", EMPTY),
    F("b_info.type.hvm.spice.enable", OFF),
    F("b_info.type.hvm.gfx_passthru", OFF),
    ONE("b_info.type.hvm.gfx_passthru_kind", "default"),
    ONE("b_info.type.hvm.serial", "pty|none|null"),
    F("b_info.type.hvm.boot", WORD),
    F("b_info.type.hvm.usb", BOOL),
    F("b_info.type.hvm.usbversion", NUMBER),
    ONE("b_info.type.hvm.usbdevice", "tablet|mouse|keyboard"),
    F("b_info.type.hvm.vkb_device", BOOL),
    F("b_info.type.hvm.soundhw", WORD),
    F("b_info.type.hvm.xen_platform_pci", BOOL),
    F("b_info.type.hvm.usbdevice_list", EMPTY),
    ONE("b_info.type.hvm.usbdevice_list[*]", "tablet|mouse|keyboard"),
    ONE("b_info.type.hvm.vendor_device", "none|xenserver"),
    F("b_info.type.hvm.ms_vm_genid", EMPTY),
    F("b_info.type.hvm.ms_vm_genid[*]", NUMBER),
    F("b_info.type.hvm.serial_list", EMPTY),
    ONE("b_info.type.hvm.serial_list[*]", "pty|none|null"),
    F("b_info.type.hvm.rdm", EMPTY),
    ONE("b_info.type.hvm.rdm.strategy", "ignore|host"),
    ONE("b_info.type.hvm.rdm.policy", "invalid|strict|relaxed"),
    F("b_info.type.hvm.rdm_mem_boundary_memkb", NUMBER),
    F("b_info.type.hvm.mca_caps", NUMBER),

    /* libxl_device_disk */
    F("disks", EMPTY),
    F("disks[*].backend_domid", ZERO),
    F("disks[*].pdev_path", DISK),
    F("disks[*].vdev", WORD),
    F("disks[*].backend", DISK),
    F("disks[*].format", DISK),
    F("disks[*].script", DISK),
    F("disks[*].removable", BOOL),
    F("disks[*].readwrite", DISK),
    F("disks[*].is_cdrom", BOOL),
    F("disks[*].direct_io_safe", BOOL),
    F("disks[*].discard_enable", BOOL),
    ONE("disks[*].specification", "unknown|xen"),
    ONE("disks[*].transport", "unknown"),
    F("disks[*].irq", ZERO),
    F("disks[*].base", ZERO),
    F("disks[*].colo_enable", OFF),
    F("disks[*].colo_restore_enable", OFF),
    F("disks[*].colo_port", ZERO),
    F("disks[*].trusted", BOOL),

    /* libxl_device_nic */
    F("nics", EMPTY),
    F("nics[*].backend_domid", ZERO),
    F("nics[*].devid", NUMBER),
    /* A small one would become that of the whole bridge. */
    ONE("nics[*].mtu", "0|1492|1500|9000"),
    ONE("nics[*].model", NIC_MODELS),
    F("nics[*].mac", ADDRESS),
    F("nics[*].ip", ADDRESS),
    F("nics[*].bridge", NIC),
    F("nics[*].ifname", NIC),
    F("nics[*].script", NIC),
    ONE("nics[*].nictype", "unknown|vif|vif_ioemu"),
    F("nics[*].rate_bytes_per_interval", NUMBER),
    F("nics[*].rate_interval_usecs", NUMBER),
    F("nics[*].trusted", BOOL),

    /* libxl_device_pci */
    F("pcidevs", EMPTY),
    F("pcidevs[*].func", PCI),
    F("pcidevs[*].dev", PCI),
    F("pcidevs[*].bus", PCI),
    F("pcidevs[*].domain", PCI),
    F("pcidevs[*].vfunc_mask", PCI),
    F("pcidevs[*].permissive", PCI),
    F("pcidevs[*].seize", PCI),
    F("pcidevs[*].vdevfn", NUMBER),
    F("pcidevs[*].msitranslate", BOOL),
    F("pcidevs[*].power_mgmt", BOOL),
    ONE("pcidevs[*].rdm_policy", "invalid|strict|relaxed"),

    /* libxl_device_vfb, _vkb, _channel: served by QEMU or xenconsoled */
    F("vfbs", EMPTY),
    F("vfbs[*].backend_domid", ZERO),
    F("vfbs[*].devid", NUMBER),
    F("vfbs[*].vnc", EMPTY),
    F("vfbs[*].vnc.enable", BOOL),
    LIST("vfbs[*].vnc.listen", VNC),
    F("vfbs[*].vnc.passwd", TEXT),
    F("vfbs[*].vnc.display", NUMBER),
    F("vfbs[*].vnc.findunused", BOOL),
    F("vfbs[*].sdl", EMPTY),
    F("vfbs[*].sdl.enable", OFF),
    F("vfbs[*].keymap", WORD),
    F("vkbs", EMPTY),
    F("vkbs[*].backend_domid", ZERO),
    F("vkbs[*].devid", NUMBER),
    F("vkbs[*].backend_type", WORD),
    F("vkbs[*].unique_id", WORD),
    F("vkbs[*].feature_disable_keyboard", BOOL),
    F("vkbs[*].feature_disable_pointer", BOOL),
    F("vkbs[*].feature_abs_pointer", BOOL),
    F("vkbs[*].feature_raw_pointer", BOOL),
    F("vkbs[*].feature_multi_touch", BOOL),
    F("vkbs[*].width", NUMBER),
    F("vkbs[*].height", NUMBER),
    F("vkbs[*].multi_touch_width", NUMBER),
    F("vkbs[*].multi_touch_height", NUMBER),
    F("vkbs[*].multi_touch_num_contacts", NUMBER),
    F("channels", EMPTY),
    F("channels[*].backend_domid", ZERO),
    F("channels[*].devid", NUMBER),
    F("channels[*].name", WORD),
    F("channels[*].connection.pty", EMPTY),
    F("channels[*].connection.unknown", EMPTY),

    F("rdms", EMPTY),
    F("dtdevs", EMPTY),
    F("vtpms", EMPTY),
    F("p9s", EMPTY),
    F("pvcallsifs", EMPTY),
    F("vdispls", EMPTY),
    F("vsnds", EMPTY),
    F("usbctrls", EMPTY),
    F("usbdevs", EMPTY),

    /* A core dump would fill this host's disk whenever the guest likes. */
    ONE("on_poweroff", SHUTDOWN_ACTIONS),
    ONE("on_reboot", SHUTDOWN_ACTIONS),
    ONE("on_watchdog", SHUTDOWN_ACTIONS),
    ONE("on_crash", SHUTDOWN_ACTIONS),
    ONE("on_soft_reset", SHUTDOWN_ACTIONS),
};

bool sm_policy_field_is(const char *pattern, const char *field)
{
    size_t digits;

    for (;;) {
        if (!strncmp(pattern, "[*]", 3) && *field == '[') {
            digits = strspn(field + 1, "0123456789");
            if (!digits || field[1 + digits] != ']')
                return false;
            pattern += 3;
            field += digits + 2;
        } else if (*pattern != *field) {
            return false;
        } else if (!*pattern) {
            return true;
        } else {
            pattern++;
            field++;
        }
    }
}

const struct sm_policy_known *sm_policy_field_known(size_t i)
{
    return i < sizeof(known) / sizeof(known[0]) ? &known[i] : NULL;
}

const struct sm_policy_known *sm_policy_field_find(const char *field)
{
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (sm_policy_field_is(known[i].field, field))
            return &known[i];
    return NULL;
}
