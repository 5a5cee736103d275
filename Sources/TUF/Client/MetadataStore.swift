import Linux

/// Where trusted metadata is kept between runs, by role.
package protocol MetadataStore: Sendable {
    /// The kept file of a role; nil when there is none.
    /// - Throws: ``SystemCallError``; EFBIG for a file longer than `maximumLength`.
    func read(_ role: String, maximumLength: Int) throws(SystemCallError) -> [UInt8]?

    /// Puts a role's file in the place of the older one: whole, or not at all.
    /// - Throws: ``SystemCallError``; the older file is untouched then.
    func write(_ role: String, _ bytes: [UInt8]) throws(SystemCallError)

    /// Keeps others from writing until the result goes; nil when another has the store now.
    func lock() throws(SystemCallError) -> (any Sendable)?
}
