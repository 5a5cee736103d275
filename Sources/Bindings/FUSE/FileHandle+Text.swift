import Linux

extension FileHandle {
    /// Writes a word to a file of the kernel's.
    func write(text: String) throws(SystemCallError) {
        try text.withBytes { (bytes) throws(SystemCallError) in try self.write(bytes) }
    }
}
