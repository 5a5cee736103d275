import Formats
import Testing

@Suite struct QuantityTests {
    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1049, "1.0 kB"), (1050, "1.1 kB"), (348_900_000, "348.9 MB"),
            (999_949, "999.9 kB"), (999_950, "1.0 MB"), (18_446_744_073_709_551_615, "18.4 EB"),
        ] as [(UInt64, String)])
    func bytesToOneDecimal(_ bytes: UInt64, _ text: String) { #expect(ByteCount.precise(bytes) == text) }

    @Test(
        arguments: [
            (-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (5399, "89 min"), (5400, "1 h"), (172_799, "47 h"),
            (172_800, "2 d"),
        ] as [(Int64, String)])
    func durationsInOneNumber(_ seconds: Int64, _ text: String) {
        #expect(DurationText.short(seconds: seconds) == text)
    }

    @Test(
        arguments: [
            (0, "0 s"), (59, "59 s"), (125, "2 min 05 s"), (3599, "59 min 59 s"), (3720, "1 h 02 min"),
            (360_000, "100 h 00 min"),
        ] as [(UInt64, String)])
    func durationsInTwoNumbers(_ seconds: UInt64, _ text: String) {
        #expect(DurationText.precise(seconds: seconds) == text)
    }

    @Test func decimalNumbersArePlain() {
        #expect(DecimalDigits.value(Array("0042".utf8)) == 42)
        for text in ["", "+1", "-1", " 1", "1a", "1234567890", "١"] {
            #expect(DecimalDigits.value(Array(text.utf8)) == nil, "\(text)")
        }
        #expect(DecimalDigits.padded(7, width: 3) == "007")
        #expect(DecimalDigits.padded(1234, width: 3) == "1234")
    }
}

@Suite struct ByteCountTests {
    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1099, "1.0 kB"), (1999, "1.9 kB"), (9900, "9.9 kB"),
            (9999, "9.9 kB"),
            (10_000, "10 kB"), (999_999, "999 kB"), (1_000_000, "1.0 MB"), (84_000_000, "84 MB"),
            (1_200_000_000, "1.2 GB"), (.max, "18 EB"),
        ] as [(UInt64, String)])
    func hasAtMostThreeDigits(bytes: UInt64, text: String) { #expect(ByteCount.text(bytes) == text) }

    @Test(
        arguments: [
            ("0", 0), ("1500", 1500), ("7b", 7), ("20GiB", 20 << 30), ("20 gib", 20 << 30), ("20G", 20 << 30),
            ("500 MB", 500_000_000), ("3kB", 3000), ("3K", 3072), ("2TB", 2_000_000_000_000), ("2T", 2 << 40),
            ("18446744073709551615", .max), ("16777215TiB", 16_777_215 << 40),
        ] as [(String, UInt64)])
    func readsSizes(text: String, bytes: UInt64) { #expect(ByteCount.parse(text) == bytes) }

    @Test(arguments: [
        "", " ", "GiB", "-1", "+1", "1.5GB", "20GiBs", "20 G B", "1e9", "1.5 GB", "1 XB", "5 5", "٣",
        "18446744073709551616", "16777216TiB",
        "18446744073709551615k",
    ])
    func refusesWhatIsNoSizeOrDoesNotFit(text: String) { #expect(ByteCount.parse(text) == nil) }
}
