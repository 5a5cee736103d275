/// Something that signs metadata: a key in memory, or a device that keeps its key to itself.
package protocol Signer: Sendable {
    /// The key that verifies what it signs.
    var publicKey: PublicKey { get }

    /// The signature over the bytes.
    /// - Throws: what the key's owner gives for a reason.
    func sign(_ bytes: [UInt8]) throws -> [UInt8]
}
