import CLinux

/// The kernel's virtual machine device.
package enum KernelVirtualMachine {
    /// The version of its interface; 12 since 2.6.22.
    package static func apiVersion(of device: FileHandle) -> Int32 {
        osc_ioctl(device.descriptor, osc_KVM_GET_API_VERSION())
    }
}
