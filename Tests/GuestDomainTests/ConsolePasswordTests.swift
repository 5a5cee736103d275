import TestSupport
import Testing

@testable import GuestDomain

@Suite struct ConsolePasswordTests {
    /// Of the text that defines the hash.
    @Test(arguments: [
        (
            "Hello world!", "saltstring",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
        ),
        (
            "This is just a test", "toolongsaltstring",
            "$6$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0"
        ),
    ])
    func hashesAsItsAuthorSays(_ password: String, _ salt: String, _ hash: String) {
        #expect(SHA512Crypt.hash(password, salt: salt) == hash)
    }

    @Test(arguments: [1, 12, 31, 63, 64, 65, 130])
    func hashesAsOpenSSLDoes(_ count: Int) async throws {
        let password = String((0..<count).map { Character(UnicodeScalar(UInt8(33 + $0 * 7 % 90))) })
        let hash = SHA512Crypt.hash(password)
        let salt = String(hash.split(separator: "$")[1])
        #expect(salt.count == 16)
        let other = try await BuiltProgram.runAny("openssl", ["passwd", "-6", "-salt", salt, password])
        #expect(other.stdout == hash + "\n", "\(other.stderr)")
        #expect(SHA512Crypt.hash(password) != hash, "the same salt twice")
    }

    @Test func aPasswordIsNoOtherAndCanBeTypedOnAnyKeyboard() {
        let passwords = (0..<200).map { _ in ConsolePassword.make() }
        #expect(Set(passwords).count == 200)
        for password in passwords {
            #expect(password.count == 12)
            // Where these lie depends on the keyboard, or they look like others.
            #expect(!password.contains { "yzqwamlio01;,.- ".contains($0) || $0.isUppercase })
        }
    }
}
