import Crypto

/// Hashes of passwords as crypt(5) has them under `$6$`, which every Linux and FreeBSD accepts: Ulrich Drepper, "Unix crypt using
/// SHA-256 and SHA-512", version 0.6; the step numbers are that text's.
enum SHA512Crypt {
    private static let rounds = 5000
    private static let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Takes some milliseconds.
    /// - Parameter salt: up to sixteen letters, digits, dots and slashes; those beyond do not count.
    static func hash(_ password: String, salt: String) -> String {
        let (key, salt) = (Array(password.utf8), Array(salt.utf8.prefix(16)))
        // 4-8.
        let other = digest(key + salt + key)
        // 1-3 and 9-12.
        var first = key + salt + stretched(other, to: key.count)
        var bits = key.count
        while bits > 0 {
            first += bits & 1 == 1 ? other : key
            bits >>= 1
        }
        let start = digest(first)
        // 13-16: the key, hidden. 17-20: the salt, hidden.
        let hiddenKey = stretched(digest(Array(repeatElement(key, count: key.count).joined())), to: key.count)
        let salts = Array(repeatElement(salt, count: 16 + Int(start[0])).joined())
        let hiddenSalt = stretched(digest(salts), to: salt.count)
        // 21.
        var result = start
        for round in 0..<rounds {
            var input = round % 2 == 1 ? hiddenKey : result
            if round % 3 != 0 { input += hiddenSalt }
            if round % 7 != 0 { input += hiddenKey }
            input += round % 2 == 1 ? result : hiddenKey
            result = digest(input)
        }
        return "$6$\(String(decoding: salt, as: UTF8.self))$\(encoded(result))"
    }

    /// With a salt of its own.
    static func hash(_ password: String) -> String {
        let salt = (0..<16).map { _ in alphabet[Int.random(in: 0..<64)] }
        return hash(password, salt: String(decoding: salt, as: UTF8.self))
    }

    private static func digest(_ bytes: [UInt8]) -> [UInt8] { Array(SHA512.hash(data: bytes)) }

    private static func stretched(_ digest: [UInt8], to count: Int) -> [UInt8] {
        (0..<count).map { digest[$0 % digest.count] }
    }

    /// 22: three bytes, of three thirds in turn, in four letters, the lowest bits first.
    private static func encoded(_ digest: [UInt8]) -> String {
        var letters: [UInt8] = []
        func append(_ value: Int, _ count: Int) {
            for place in 0..<count { letters.append(alphabet[value >> (6 * place) & 63]) }
        }
        var places = (0, 21, 42)
        for _ in 0..<21 {
            append(Int(digest[places.0]) << 16 | Int(digest[places.1]) << 8 | Int(digest[places.2]), 4)
            places = (places.1 + 1, places.2 + 1, places.0 + 1)
        }
        append(Int(digest[63]), 2)
        return String(decoding: letters, as: UTF8.self)
    }
}
