import Catalog
import Curl

/// What a publisher says about a version that is added.
package struct NewVersion: Sendable {
    package let distribution: String
    package let version: VersionID
    /// Of the distribution; nil leaves it as it is.
    package var title: String?
    package var summary: String?
    package var homepage: String?
    package var architecture: String?
    package var notes: String = ""
    package var published: Timestamp = .now
    /// Becomes the distribution's where it is new, else the version's own where it differs.
    package var guest = GuestSettings()
    /// Adds nothing when the newest version has the very same image: ``PublisherError/unchanged(distribution:version:)``.
    package var isSkippedUnchanged = false
    /// Takes a day that is ahead of the clock.
    package var isFutureAllowed = false

    /// Where an image is from, as everybody may know: server and path of its URL. A query may be a signature, and a path of this
    /// machine is nobody's business: nil for files, by path or URL.
    static func origin(of image: String) -> String? {
        URLText.server(of: image) == nil ? nil : URLText.public(image)
    }

    /// - Throws: ``PublisherError/usage(option:reason:)`` for ids of another form.
    package init(distribution: String, version: String) throws(PublisherError) {
        guard Distribution.isValid(id: distribution) else {
            throw .usage(
                option: "DISTRO",
                reason: "\(distribution.debugDescription) is not of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        guard let id = VersionID(version) else {
            throw .usage(
                option: "VERSION", reason: "\(version.debugDescription) is not of the form YYYY-MM-DD or YYYY-MM-DD.N")
        }
        self.distribution = distribution
        self.version = id
    }
}
