import CLinux

/// The memory that malloc has of the kernel.
package enum HeapMemory {
    /// Gives back what nobody uses of it: else what was freed stays with this process until it is used again. Takes milliseconds, in which
    /// other threads may have to wait for memory.
    package static func giveBack() { malloc_trim(0) }
}
