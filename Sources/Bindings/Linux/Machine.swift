import CLinux
import Glibc

/// What the kernel says of this machine.
package enum Machine {
    /// The kind of its processor, as `uname -m` has it: that for which this program was compiled; empty for one without a name here.
    package static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            ""
        #endif
    }

    /// Processors that this machine has in use, at least one.
    package static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Bytes of memory; all that there are where the kernel does not say.
    package static var memoryBytes: Int {
        let (pages, size) = (Int(sysconf(Int32(_SC_PHYS_PAGES))), Int(sysconf(Int32(_SC_PAGESIZE))))
        return pages > 0 && size > 0 ? pages.multipliedReportingOverflow(by: size).partialValue : .max
    }

    /// The processor's flags as /proc/cpuinfo lists them, such as `vmx`; empty where it lists none.
    package static var processorFlags: Set<String> {
        // Where /proc is missing nothing is known of the processor, which is what an empty set says.
        let text = (try? FileContents.readText("/proc/cpuinfo", limit: 65_536)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
        return Set(line.split(separator: " ").map(String.init))
    }
}

/// When this machine was started.
package enum MachineStart {
    /// Seconds since 1970, as the kernel counts them; nil where /proc is not there.
    package static var seconds: Int? {
        // The doc comment says what nil means.
        guard let text = try? FileContents.readText("/proc/stat", limit: 16 << 20) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Int($0.dropFirst(6)) }
    }
}

/// The kernel's virtual machine device.
package enum KernelVirtualMachine {
    /// The version of its interface; 12 since 2.6.22.
    package static func apiVersion(of device: FileHandle) -> Int32 {
        osc_ioctl(device.descriptor, osc_KVM_GET_API_VERSION())
    }
}
