import CLzma

/// liblzma, for reading xz files in parts.
package enum Lzma {
    /// The library's version, as a number.
    package static var version: UInt32 { lzma_version_number() }
}
