import Testing

@testable import Boot

/// What is understood of publishers' notes.
@Suite struct ChangedPackagesTests {
    @Test func listsAreUnderstoodAsOurRecipesWriteThem() {
        let found = ChangedPackages(notes: [
            "upgraded: libc6, openssl (3.0.15 -> 3.0.17); install: tree", "new: jq, less",
            "upgraded: libc6; remove: tree",
        ])
        #expect(
            found.packages == [
                .upgraded: ["libc6", "openssl (3.0.15 -> 3.0.17)"], .installed: ["tree", "jq", "less"],
                .removed: ["tree"],
            ])
        #expect(
            found.lines == [
                "upgraded: libc6, openssl (3.0.15 -> 3.0.17)", "installed: tree, jq, less", "removed: tree",
            ])
    }

    @Test func otherTextIsLeftToTheReader() {
        for text in [
            "", "Debian GNU/Linux 12 (bookworm) as released", "openssl 3.0.17", "see https://example.org: upgraded",
            "upgraded: everything that was there", "upgraded:", "note: a, b", ": a", "upgraded: ,, ;",
        ] {
            #expect(ChangedPackages(notes: [text]).isEmpty, "\(text)")
        }
    }

    @Test func muchIsBounded() {
        let many = (0..<30_000).map { "p\($0)" }.joined(separator: ", ")
        #expect(ChangedPackages(notes: ["new: \(many)"]).packages[.installed]?.count == 10_000)
    }
}
