import Testing
import Vendors

@Suite struct VendorsErrorTests {
    @Test func anErrorNamesItsPlace() {
        #expect("\(VendorsError.table(file: "a.toml", place: "id", reason: "is missing"))" == "a.toml: id is missing")
    }
}
