/// Who asks an object store: an access key, and what belongs to it.
package struct ObjectStoreCredentials: Sendable, Equatable {
    package let keyID: String
    package let secret: String
    /// Of temporary keys; nil for lasting ones.
    package let sessionToken: String?

    package init(keyID: String, secret: String, sessionToken: String? = nil) {
        self.keyID = keyID
        self.secret = secret
        self.sessionToken = sessionToken
    }

    /// From AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, as other programs take them; nil when one of the
    /// first two is missing.
    /// - Parameter environment: looks up a variable.
    package init?(environment: (String) -> String?) {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        guard let keyID = variable("AWS_ACCESS_KEY_ID"), let secret = variable("AWS_SECRET_ACCESS_KEY") else {
            return nil
        }
        self.init(keyID: keyID, secret: secret, sessionToken: variable("AWS_SESSION_TOKEN"))
    }
}

extension ObjectStoreCredentials: CustomStringConvertible {
    /// Without the secret: credentials end up in logs.
    package var description: String { "access key \(keyID)" }
}
