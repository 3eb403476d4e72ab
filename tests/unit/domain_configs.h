/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain configs as xl 4.17 makes them (`xl -N create FILE`), with the
 * xl.cfg(5) they were made from.
 */
#ifndef TEST_DOMAIN_CONFIGS_H
#define TEST_DOMAIN_CONFIGS_H

/*
 * type="hvm"
 * name="win"
 * memory=2048
 * vcpus=2
 * disk=['/dev/vg0/win,raw,xvda,rw','/srv/iso/x.iso,,hdc,cdrom']
 * vif=['mac=00:16:3e:00:00:01,bridge=br-prod,model=e1000']
 * boot="cd"
 * vnc=1
 * usb=1
 * usbdevice="tablet"
 * serial="pty"
 * viridian=1
 * localtime=1
 * vga="stdvga"
 * videoram=16
 * on_crash="restart"
 * cpus="0"
 * channel=['name=org.x,connection=pty']
 * cpuid="host,tm=0"
 */
static const char config_hvm[] =
    "{\"c_info\":{\"type\":\"hvm\",\"name\":\"win\",\"uuid\":\"05d892"
    "12-87ca-4070-bafe-eefbe15489ad\",\"run_hotplug_scripts\":\"True"
    "\"},\"b_info\":{\"max_vcpus\":2,\"avail_vcpus\":[0,1],\"vcpu_har"
    "d_affinity\":[[0],[0]],\"max_memkb\":2097152,\"target_memkb\":20"
    "97152,\"video_memkb\":16384,\"localtime\":\"True\",\"cpuid\":{\""
    "cpuid\":[{\"leaf\":1,\"edx\":\"xx0xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "\"}],\"msr\":[]},\"sched_params\":{},\"claim_mode\":\"True\",\"t"
    "ype.hvm\":{\"viridian\":\"True\",\"vga\":{\"kind\":\"std\"},\"vn"
    "c\":{\"enable\":\"True\"},\"sdl\":{},\"spice\":{},\"serial\":\"p"
    "ty\",\"boot\":\"cd\",\"usb\":\"True\",\"usbdevice\":\"tablet\","
    "\"rdm\":{}},\"arch_arm\":{},\"arch_x86\":{}},\"disks\":[{\"pdev_"
    "path\":\"/dev/vg0/win\",\"vdev\":\"xvda\",\"format\":\"raw\",\"r"
    "eadwrite\":1},{\"pdev_path\":\"/srv/iso/x.iso\",\"vdev\":\"hdc\""
    ",\"format\":\"raw\",\"removable\":1,\"is_cdrom\":1}],\"nics\":[{"
    "\"devid\":0,\"model\":\"e1000\",\"mac\":\"00:16:3e:00:00:01\",\""
    "bridge\":\"br-prod\"}],\"channels\":[{\"devid\":0,\"name\":\"org"
    ".x\",\"connection.pty\":{}}],\"on_reboot\":\"restart\",\"on_cras"
    "h\":\"restart\",\"on_soft_reset\":\"soft_reset\"}";

/*
 * type="pv"
 * name="pv1"
 * memory=256
 * bootloader="pygrub"
 * disk=['phy:/dev/vg0/pv1,xvda,w']
 * vif=['']
 * vfb=['vnc=1']
 * extra="ro"
 */
static const char config_pv[] =
    "{\"c_info\":{\"type\":\"pv\",\"name\":\"pv1\",\"uuid\":\"056eb9c"
    "5-997e-4c13-bc29-cf5838698d08\",\"run_hotplug_scripts\":\"True\""
    "},\"b_info\":{\"max_memkb\":262144,\"target_memkb\":262144,\"sch"
    "ed_params\":{},\"claim_mode\":\"True\",\"cmdline\":\"ro\",\"boot"
    "loader\":\"pygrub\",\"type.pv\":{},\"arch_arm\":{},\"arch_x86\":"
    "{}},\"disks\":[{\"pdev_path\":\"/dev/vg0/pv1\",\"vdev\":\"xvda\""
    ",\"format\":\"raw\",\"readwrite\":1}],\"nics\":[{\"devid\":0}],"
    "\"vfbs\":[{\"devid\":0,\"vnc\":{\"enable\":\"True\"},\"sdl\":{}}"
    "],\"vkbs\":[{\"devid\":0}],\"on_reboot\":\"restart\",\"on_soft_r"
    "eset\":\"soft_reset\"}";

/*
 * type="pvh"
 * name="p1"
 * memory=192
 * vcpus=1
 * kernel="/boot/vmlinuz"
 * ramdisk="/boot/i"
 * cmdline="x"
 * maxmem=256
 * pool="Pool-0"
 * nomigrate=1
 */
static const char config_pvh[] =
    "{\"c_info\":{\"type\":\"pvh\",\"name\":\"p1\",\"uuid\":\"134e613"
    "7-369f-458d-90a4-7c8f67ff906e\",\"pool_name\":\"Pool-0\",\"run_h"
    "otplug_scripts\":\"True\"},\"b_info\":{\"max_vcpus\":1,\"avail_v"
    "cpus\":[0],\"max_memkb\":262144,\"target_memkb\":196608,\"disabl"
    "e_migrate\":\"True\",\"sched_params\":{},\"claim_mode\":\"True\""
    ",\"kernel\":\"/boot/vmlinuz\",\"cmdline\":\"x\",\"ramdisk\":\"/b"
    "oot/i\",\"type.pvh\":{},\"arch_arm\":{},\"arch_x86\":{}},\"on_re"
    "boot\":\"restart\",\"on_soft_reset\":\"soft_reset\"}";

#endif
