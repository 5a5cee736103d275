import Testing

@testable import GuestDomain

@Suite struct DomainXMLTests {
    static let disk = GuestSpecification(
        name: "oscircular-abc", uuid: "6f1e2d3c-0000-4000-8000-000000000001", memoryMiB: 1024, cpus: 2,
        accelerator: .tcg,
        firmware: .bios, media: .disk, imagePath: "/run/osc/mount/2026-11-16",
        overlayPath: "/var/lib/osc/abc.qcow2", consoleSocketPath: "/run/osc/serial", networkSocketPath: "/run/osc/net",
        firmwareEntries: [.init(name: "opt/io.systemd.credentials/tmpfiles.extra", path: "/run/osc/fw/1")],
        screen: nil, nvramPath: "/run/osc/nvram.fd")

    @Test func aDiskMadeForSectorsOf4096BytesHasThem() {
        var guest = Self.disk
        #expect(!DomainXML.render(guest, labelsFiles: true).contains("blockio"))
        guest.sectorSize = 4096
        let lines = DomainXML.render(guest, labelsFiles: true).split(separator: "\n")
        let target = lines.firstIndex { $0.contains("<target dev='vda'") }
        #expect(
            target.map { lines[$0 + 1] }
                == "      <blockio logical_block_size='4096' physical_block_size='4096'/>")
    }

    @Test func aGuestWithAUserOfItsOwnIsLabelled() {
        let label = "<seclabel type='static' model='dac' relabel='yes'>"
        #expect(!DomainXML.render(Self.disk, labelsFiles: true).contains(label))
        let lines = DomainXML.render(
            Self.disk, labelsFiles: true, identity: EmulatorIdentity(user: 61184, group: 108)
        ).split(separator: "\n").map { $0.drop { $0 == " " } }
        let start = lines.firstIndex { $0 == label }
        #expect(start.map { lines[$0 - 1] } == "</devices>")
        #expect(start.map { lines[$0 + 1] } == "<label>+61184:+108</label>")
    }

    @Test func aDiskInEmulation() {
        #expect(
            DomainXML.render(Self.disk, labelsFiles: true) == """
                <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
                  <name>oscircular-abc</name>
                  <uuid>6f1e2d3c-0000-4000-8000-000000000001</uuid>
                  <memory unit='MiB'>1024</memory>
                  <vcpu>2</vcpu>
                  <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
                  <features><acpi/><apic/><vmport state='off'/></features>
                  <cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model></cpu>
                  <on_poweroff>destroy</on_poweroff>
                  <on_reboot>restart</on_reboot>
                  <on_crash>destroy</on_crash>
                  <devices>
                    <disk type='file' device='disk'>
                      <driver name='qemu' type='qcow2' discard='unmap' error_policy='stop' rerror_policy='stop'/>
                      <source file='/var/lib/osc/abc.qcow2'/>
                      <backingStore type='file'>
                        <format type='raw'/>
                        <source file='/run/osc/mount/2026-11-16'><seclabel model='dac' relabel='no'/></source>
                        <backingStore/>
                      </backingStore>
                      <target dev='vda' bus='virtio'/>
                    </disk>
                    <serial type='unix'>
                      <source mode='connect' path='/run/osc/serial'/>
                      <target port='0'/>
                    </serial>
                    <console type='unix'>
                      <source mode='connect' path='/run/osc/serial'/>
                      <target type='serial' port='0'/>
                    </console>
                    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
                    <video><model type='vga' heads='1' primary='yes'/></video>
                    <controller type='usb' index='0' model='none'/>
                    <memballoon model='none'/>
                  </devices>
                  <sysinfo type='fwcfg'>
                    <entry name='opt/io.systemd.credentials/tmpfiles.extra' file='/run/osc/fw/1'/>
                  </sysinfo>
                  <qemu:commandline>
                    <qemu:arg value='-machine'/>
                    <qemu:arg value='sata=off'/>
                    <qemu:arg value='-netdev'/>
                    <qemu:arg value='stream,id=osc,server=off,addr.type=unix,addr.path=/run/osc/net'/>
                    <qemu:arg value='-device'/>
                    <qemu:arg value='virtio-net-pci,netdev=osc,mac=52:54:00:0a:00:0f,addr=0x10,romfile='/>
                    <qemu:arg value='-device'/>
                    <qemu:arg value='pcie-root-port,id=osc-share-port,bus=pcie.0,addr=0x11,chassis=240,port=0xf0'/>
                  </qemu:commandline>
                  <qemu:capabilities>
                    <qemu:del capability='cpu-unavailable-features'/>
                  </qemu:capabilities>
                </domain>

                """)
    }

    @Test func aHomeThatIsPluggedInIsTheDiskOfTheDescription() throws {
        var guest = Self.disk
        let home = GuestHome(diskPath: "/var/lib/osc/homes/a&b.raw", user: "ann")
        guest.pluggedHome = home
        #expect(!DomainXML.render(guest, labelsFiles: true).contains("vdc"), "it comes later")
        guest.home = home
        let disk = DomainXML.home(home)
        #expect(DomainXML.render(guest, labelsFiles: true).contains(disk))
        #expect(disk.contains("/homes/a&amp;b.raw") && disk.contains("<serial>oscircular-home</serial>"))
        #expect(disk.contains("error_policy='stop' rerror_policy='stop'"))
    }

    @Test func aGuestOfAnOlderReleasesMemoryHasNoPort() {
        var guest = Self.disk
        guest.hasPort = false
        #expect(!DomainXML.render(guest, labelsFiles: true).contains("pcie-root-port"))
        guest.share = GuestShare(kind: .virtiofs, path: "/src", isReadOnly: false, socketPath: "/run/osc/share")
        #expect(DomainXML.render(guest, labelsFiles: true).contains("pcie-root-port"))
    }

    @Test func aDiskInLayersNamesEachWithItsFormat() throws {
        var guest = Self.disk
        guest.layers = ["/l/0.qcow2", "/l/1.qcow2"]
        guest.macAddress = "52:54:00:01:02:03"
        let xml = DomainXML.render(guest, labelsFiles: true)
        #expect(xml.contains("mac=52:54:00:01:02:03,"))
        #expect(
            xml.contains(
                """
                      <source file='/var/lib/osc/abc.qcow2'/>
                      <backingStore type='file'>
                        <format type='qcow2'/>
                        <source file='/l/0.qcow2'><seclabel model='dac' relabel='no'/></source>
                        <backingStore type='file'>
                          <format type='qcow2'/>
                          <source file='/l/1.qcow2'><seclabel model='dac' relabel='no'/></source>
                          <backingStore type='file'>
                            <format type='raw'/>
                            <source file='/run/osc/mount/2026-11-16'><seclabel model='dac' relabel='no'/></source>
                            <backingStore/>
                          </backingStore>
                        </backingStore>
                      </backingStore>
                      <target dev='vda' bus='virtio'/>

                """), "\(xml)")
    }

    @Test func anInstallersDiskIsTriedBeforeItsCDROM() {
        var guest = Self.disk
        guest.media = .cdrom
        let xml = DomainXML.render(guest, labelsFiles: false)
        #expect(xml.contains("hvm</type><boot dev='hd'/><boot dev='cdrom'/></os>"))
        // Nothing lies below the disk, least of all the CD-ROM.
        #expect(xml.contains("<source file='/var/lib/osc/abc.qcow2'/>\n      <backingStore/>\n"))
        #expect(xml.contains("device='cdrom'") && xml.contains("<target dev='sda' bus='sata'/>"))
    }

    @Test func aSeedIsARawDiskThatTheGuestOnlyReads() {
        var guest = Self.disk
        guest.seed = .init(
            diskPath: "/run/osc/fw/seed", serialNumber: "ds=nocloud",
            firmwareEntries: [.init(name: "opt/com.coreos/config", path: "/run/osc/fw/config")])
        let xml = DomainXML.render(guest, labelsFiles: true)
        #expect(
            xml.contains(
                """
                    <disk type='file' device='disk'>
                      <driver name='qemu' type='raw'/>
                      <source file='/run/osc/fw/seed'/>
                      <target dev='vdb' bus='virtio'/>
                      <readonly/>
                    </disk>
                """), "\(xml)")
        #expect(xml.contains("<boot dev='hd'/><smbios mode='sysinfo'/></os>"))
        #expect(
            xml.contains("<sysinfo type='smbios'><system><entry name='serial'>ds=nocloud</entry></system></sysinfo>"))
        #expect(xml.contains("<entry name='opt/com.coreos/config' file='/run/osc/fw/config'/>"))
        #expect(xml.split(separator: "<sysinfo type='fwcfg'>").count == 2)
        // The format of every file is said: nothing is probed.
        for disk in xml.split(separator: "<disk ").dropFirst() { #expect(disk.contains("<driver name='qemu' type='")) }
        guest.firmware = .uefi
        #expect(DomainXML.render(guest, labelsFiles: true).contains("<boot dev='hd'/><smbios mode='sysinfo'/>\n"))
    }

    @Test func aCDROMWithUEFIInHardwareWithAScreenForAUser() {
        var guest = Self.disk
        guest.accelerator = .kvm
        guest.firmware = .uefi
        guest.media = .cdrom
        guest.overlayPath = nil
        guest.networkSocketPath = nil
        guest.firmwareEntries = []
        guest.screen = GuestScreen(.vnc, socketPath: "/run/osc/screen/qemu")
        #expect(
            DomainXML.render(guest, labelsFiles: false) == """
                <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
                  <name>oscircular-abc</name>
                  <uuid>6f1e2d3c-0000-4000-8000-000000000001</uuid>
                  <memory unit='MiB'>1024</memory>
                  <vcpu>2</vcpu>
                  <os>
                    <type arch='x86_64' machine='q35'>hvm</type>
                    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
                    <nvram>/run/osc/nvram.fd</nvram>
                    <boot dev='cdrom'/>
                  </os>
                  <features><acpi/><apic/><vmport state='off'/></features>
                  <cpu mode='host-passthrough'/>
                  <on_poweroff>destroy</on_poweroff>
                  <on_reboot>restart</on_reboot>
                  <on_crash>destroy</on_crash>
                  <devices>
                    <controller type='sata' index='0'/>
                    <disk type='file' device='cdrom'>
                      <driver name='qemu' type='raw' error_policy='stop' rerror_policy='stop'/>
                      <source file='/run/osc/mount/2026-11-16'></source>
                      <target dev='sda' bus='sata'/>
                      <readonly/>
                    </disk>
                    <serial type='unix'>
                      <source mode='connect' path='/run/osc/serial'/>
                      <target port='0'/>
                    </serial>
                    <console type='unix'>
                      <source mode='connect' path='/run/osc/serial'/>
                      <target type='serial' port='0'/>
                    </console>
                    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
                    <graphics type='vnc' socket='/run/osc/screen/qemu'/>
                    <video><model type='virtio' heads='1' primary='yes'/></video>
                    <controller type='usb' index='0' model='qemu-xhci'/>
                    <input type='tablet' bus='usb'/>
                    <memballoon model='none'/>
                  </devices>
                  <qemu:commandline>
                    <qemu:arg value='-device'/>
                    <qemu:arg value='pcie-root-port,id=osc-share-port,bus=pcie.0,addr=0x11,chassis=240,port=0xf0'/>
                  </qemu:commandline>
                  <qemu:capabilities>
                    <qemu:del capability='cpu-unavailable-features'/>
                  </qemu:capabilities>
                </domain>

                """)
    }

    @Test func aGuestForAnotherProcessorHasItsMachineAndUEFI() {
        var guest = Self.disk
        guest.architecture = .aarch64
        guest.firmware = .uefi
        // There are levels of x86_64 only.
        guest.processor = .v3
        #expect(
            DomainXML.render(guest, labelsFiles: false) == """
                <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
                  <name>oscircular-abc</name>
                  <uuid>6f1e2d3c-0000-4000-8000-000000000001</uuid>
                  <memory unit='MiB'>1024</memory>
                  <vcpu>2</vcpu>
                  <os>
                    <type arch='aarch64' machine='virt'>hvm</type>
                    <loader readonly='yes' type='pflash'>/usr/share/AAVMF/AAVMF_CODE.fd</loader>
                    <nvram>/run/osc/nvram.fd</nvram>
                    <boot dev='hd'/>
                  </os>
                  <features><acpi/><gic version='3'/></features>
                  <cpu mode='custom' match='exact'><model fallback='forbid'>cortex-a72</model></cpu>
                  <on_poweroff>destroy</on_poweroff>
                  <on_reboot>restart</on_reboot>
                  <on_crash>destroy</on_crash>
                  <devices>
                    <disk type='file' device='disk'>
                      <driver name='qemu' type='qcow2' discard='unmap' error_policy='stop' rerror_policy='stop'/>
                      <source file='/var/lib/osc/abc.qcow2'/>
                      <backingStore type='file'>
                        <format type='raw'/>
                        <source file='/run/osc/mount/2026-11-16'></source>
                        <backingStore/>
                      </backingStore>
                      <target dev='vda' bus='virtio'/>
                    </disk>
                    <serial type='unix'>
                      <source mode='connect' path='/run/osc/serial'/>
                      <target type='system-serial' port='0'><model name='pl011'/></target>
                    </serial>
                    <console type='unix'>
                      <source mode='connect' path='/run/osc/serial'/>
                      <target type='serial' port='0'/>
                    </console>
                    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
                    <controller type='usb' index='0' model='none'/>
                    <memballoon model='none'/>
                  </devices>
                  <sysinfo type='fwcfg'>
                    <entry name='opt/io.systemd.credentials/tmpfiles.extra' file='/run/osc/fw/1'/>
                  </sysinfo>
                  <qemu:commandline>
                    <qemu:arg value='-netdev'/>
                    <qemu:arg value='stream,id=osc,server=off,addr.type=unix,addr.path=/run/osc/net'/>
                    <qemu:arg value='-device'/>
                    <qemu:arg value='virtio-net-pci,netdev=osc,mac=52:54:00:0a:00:0f,addr=0x10,romfile='/>
                    <qemu:arg value='-device'/>
                    <qemu:arg value='pcie-root-port,id=osc-share-port,bus=pcie.0,addr=0x11,chassis=240,port=0xf0'/>
                  </qemu:commandline>
                  <qemu:capabilities>
                    <qemu:del capability='cpu-unavailable-features'/>
                  </qemu:capabilities>
                </domain>

                """)
        guest.accelerator = .kvm
        #expect(DomainXML.render(guest, labelsFiles: false).contains("<gic version='host'/>"))
        #expect(DomainXML.render(guest, labelsFiles: false).contains("<cpu mode='host-passthrough'/>"))
    }

    @Test func noTextEndsItsElementOrAttribute() {
        var guest = Self.disk
        guest.name = "a</name><on_crash>&\u{1}"
        guest.imagePath = "/i'm <here>/\"x\"&\n"
        guest.networkSocketPath = "/n,id='x'"
        let xml = DomainXML.render(guest, labelsFiles: true)
        #expect(xml.contains("<name>a&lt;/name&gt;&lt;on_crash&gt;&amp;</name>"))
        #expect(xml.contains("<source file='/i&apos;m &lt;here&gt;/&quot;x&quot;&amp;&#10;'>"))
        // QEMU reads a doubled comma as one that ends nothing.
        #expect(xml.contains("addr.path=/n,,id=&apos;x&apos;'/>"))
    }

    @Test func aRandomUUIDIsOfVersionFourAndNotTheSameTwice() {
        let (first, second) = (RandomUUID.make(), RandomUUID.make())
        #expect(first != second)
        #expect(first.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
        #expect(Array(first)[14] == "4" && "89ab".contains(Array(first)[19]))
    }
}
