import DiskImage
import Testing

@Suite struct DiskImageErrorTests {
    @Test func anErrorSaysWhatIsWrong() {
        #expect("\(DiskImageError.malformed(reason: "no table"))" == "damaged disk image: no table")
    }
}
