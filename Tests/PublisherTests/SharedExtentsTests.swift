import Linux
import Testing

@testable import Publisher

/// Files by where they lie on their disk.
@Suite struct SharedExtentsTests {
    private func differences(_ new: [FileExtent], _ old: [FileExtent], size: UInt64 = 100) -> [Range<UInt64>] {
        var found: [Range<UInt64>] = []
        SharedExtents.forEachDifference(new, old, size: size) { range in
            if let last = found.last, last.upperBound == range.lowerBound {
                found[found.count - 1] = last.lowerBound..<range.upperBound
            } else {
                found.append(range)
            }
        }
        return found
    }

    private func shared(_ range: Range<UInt64>, at place: UInt64) -> FileExtent {
        FileExtent(range, place: place, isShared: true)
    }

    @Test func whatLiesAtOnePlaceIsTheSame() {
        #expect(differences([shared(0..<100, at: 500)], [shared(0..<100, at: 500)]) == [])
        // Cut in other ways.
        #expect(
            differences(
                [shared(0..<30, at: 500), shared(30..<100, at: 530)],
                [shared(0..<60, at: 500), shared(60..<120, at: 560)]) == [])
    }

    @Test func whatLiesElsewhereDiffers() {
        #expect(differences([shared(0..<100, at: 500)], [shared(0..<100, at: 501)]) == [0..<100])
        #expect(
            differences(
                [shared(0..<40, at: 500), FileExtent(40..<50, place: 900, isShared: false), shared(50..<100, at: 550)],
                [shared(0..<40, at: 500), FileExtent(40..<50, place: 540, isShared: false), shared(50..<100, at: 550)])
                == [40..<50])
        // The same place at another offset of the file.
        #expect(differences([shared(10..<20, at: 500)], [shared(0..<10, at: 500)]) == [0..<20])
    }

    @Test func whatIsNotSharedMayHaveBeenWrittenInPlace() {
        let own = FileExtent(0..<100, place: 500, isShared: false)
        #expect(differences([own], [own]) == [0..<100])
        #expect(differences([own], [shared(0..<100, at: 500)]) == [0..<100])
        #expect(differences([shared(0..<100, at: 500)], [own]) == [0..<100])
    }

    @Test func holesAreTheSameAsHoles() {
        #expect(differences([], []) == [])
        #expect(differences([shared(50..<100, at: 500)], [shared(50..<100, at: 500)]) == [])
        #expect(differences([shared(50..<100, at: 500)], []) == [50..<100])
        #expect(differences([], [shared(50..<100, at: 500)]) == [50..<100])
        #expect(differences([], [shared(50..<60, at: 500)], size: 55) == [50..<55])
    }

    @Test func nothingIsSaidOfWhatLiesPastTheSize() {
        #expect(differences([shared(0..<4096, at: 0)], [shared(0..<4096, at: 1)], size: 10) == [0..<10])
        #expect(differences([shared(0..<4096, at: .max)], [shared(0..<4096, at: .max)], size: 10) == [])
    }
}
