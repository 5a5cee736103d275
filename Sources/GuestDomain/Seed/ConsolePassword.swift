/// A password for one session's console, made to be read from one screen and typed at another.
package enum ConsolePassword {
    /// Small letters that stand in the same place on English, German and French keyboards, since a guest does not know which one this is,
    /// and of which no two look alike.
    private static let letters = Array("bcdefghjknprstuvx".utf8)

    /// Twelve random letters: 49 bits.
    package static func make() -> String {
        String(decoding: (0..<12).map { _ in letters[Int.random(in: 0..<letters.count)] }, as: UTF8.self)
    }

    /// As a guest's system keeps it: crypt(5), `$6$…`. Takes some milliseconds.
    package static func hash(_ password: String) -> String { SHA512Crypt.hash(password) }
}
