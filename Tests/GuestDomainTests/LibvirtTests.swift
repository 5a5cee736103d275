import Libvirt
import Linux
import TestSupport
import Testing

/// The binding against libvirt's built-in test driver, which needs no daemon. Its domains live in this process and are
/// shared by all connections to it.
@Suite struct LibvirtTests {
    private let connection: LibvirtConnection

    init() async throws {
        connection = try await WorkerThread.run(name: "test-libvirt") { try LibvirtConnection(uri: "test:///default") }
    }

    /// Runs blocking calls off the pool.
    private func call<Value: Sendable>(
        _ body: @escaping @Sendable (LibvirtConnection) throws -> Value
    ) async throws -> Value {
        let connection = connection
        return try await WorkerThread.run(name: "test-libvirt") { try body(connection) }
    }

    private func create(_ name: String) async throws -> LibvirtDomain {
        let xml = "<domain type='test'><name>\(name)</name><memory>1024</memory><os><type>hvm</type></os></domain>"
        return try await call { try $0.createTransient(xml: xml, endsWithConnection: false) }
    }

    @Test func aDomainsLifeIsReportedInOrder() async throws {
        let recorder = EventRecorder(connection.events(ofDomainNamed: "life"))
        let domain = try await create("life")
        #expect(try await call { _ in try domain.state() } == .running)
        try await call { _ in try domain.suspend() }
        #expect(try await call { _ in try domain.state() } == .paused(isForError: false))
        try await call { _ in try domain.resume() }
        try await call { _ in try domain.destroy() }
        let expected: [LibvirtEvent] = [
            .started, .suspended(isForError: false), .resumed, .stopped(hasFailed: false),
        ]
        #expect(await eventually { recorder.events.filter { $0 != .other } == expected }, "\(recorder.events)")
    }

    @Test func othersDomainsAreNotReported() async throws {
        let recorder = EventRecorder(connection.events(ofDomainNamed: "mine"))
        let other = try await create("other")
        let mine = try await create("mine")
        #expect(await eventually { recorder.has(.started) })
        try await call { _ in try other.destroy() }
        try await call { _ in try mine.destroy() }
        #expect(await eventually { recorder.has(.stopped(hasFailed: false)) })
        #expect(recorder.events.filter { $0 == .started }.count == 1)
        #expect(recorder.events.filter { $0 == .stopped(hasFailed: false) }.count == 1)
    }

    @Test func theEndOfAnotherDomainThatHadTheNameIsNotReported() async throws {
        let uuid = "5d1f4e5a-6a0e-4d0c-9c55-0123456789ab"
        func create(_ uuid: String) async throws -> LibvirtDomain {
            let xml =
                "<domain type='test'><name>again</name><uuid>\(uuid)</uuid><memory>1024</memory><os><type>hvm</type></os></domain>"
            return try await call { try $0.createTransient(xml: xml, endsWithConnection: false) }
        }
        let all = EventRecorder(connection.events(ofDomainNamed: "again"))
        let second = EventRecorder(connection.events(ofDomainNamed: "again", uuid: uuid.uppercased()))
        let before = try await create("5d1f4e5a-6a0e-4d0c-9c55-0123456789ac")
        try await call { _ in try before.destroy() }
        #expect(await eventually { all.has(.stopped(hasFailed: false)) })
        let domain = try await create(uuid)
        #expect(await eventually { second.has(.started) })
        #expect(!second.has(.stopped(hasFailed: false)))
        try await call { _ in try domain.destroy() }
        #expect(await eventually { second.has(.stopped(hasFailed: false)) })
        #expect(second.events.filter { $0 == .started }.count == 1)
    }

    @Test func aDomainIsFoundByNameUntilItIsGone() async throws {
        let domain = try await create("found")
        _ = try await call { try $0.domain(named: "found") }
        #expect(try await call { _ in try domain.xml() }.contains("<name>found</name>"))
        try await call { _ in try domain.destroy() }
        let error = await #expect(throws: LibvirtError.self) { _ = try await call { try $0.domain(named: "found") } }
        #expect(error?.isNoDomain == true)
        #expect(error?.call == "look up found")
        #expect(error?.code == 42)
    }

    @Test func anErrorHasLibvirtsWordsAndOurCall() async throws {
        let error = await #expect(throws: LibvirtError.self) {
            _ = try await call { try $0.createTransient(xml: "<domain", endsWithConnection: false) }
        }
        #expect(error?.call == "create domain")
        #expect(error?.message.isEmpty == false && error?.isNoDomain == false)
        // XML_DETAIL of the XML parser.
        #expect(error?.code == 35)
    }

    @Test func aDriverThatDoesNotExistIsAnError() async throws {
        let error = await #expect(throws: LibvirtError.self) {
            _ = try await WorkerThread.run(name: "test-libvirt") { try LibvirtConnection(uri: "nonsense:///") }
        }
        #expect(error?.call == "open nonsense:///")
    }

    @Test func streamsEndWithTheConnection() async throws {
        var own: LibvirtConnection? = try await WorkerThread.run(name: "test-libvirt") {
            try LibvirtConnection(uri: "test:///default")
        }
        let recorder = EventRecorder(try #require(own).events(ofDomainNamed: "nobody"))
        own = nil
        #expect(await eventually { recorder.isFinished })
    }

    @Test func aPictureOfAScreenComesInFullOrNotAtAll() async throws {
        let domain = try await create("pictured")
        let shot = try await call { _ in try domain.screenshot(limit: 1 << 20) }
        // The test driver has one picture for all screens.
        #expect(shot.type == "image/png")
        #expect(
            shot.bytes.starts(with: [0x89] + Array("PNG".utf8)) && shot.bytes.suffix(8).starts(with: Array("IEND".utf8))
        )
        let count = shot.bytes.count
        #expect(try await call { _ in try domain.screenshot(limit: count) }.bytes == shot.bytes)
        let error = await #expect(throws: LibvirtError.self) {
            try await call { _ in try domain.screenshot(limit: count - 1) }.type
        }
        #expect(error?.message == "it is longer than \(count - 1) bytes")
        try await call { _ in try domain.destroy() }
    }

    @Test func itsCapabilitiesAreText() async throws {
        #expect(try await call { try $0.capabilities() }.contains("<capabilities>"))
        #expect(try await call { $0.isAlive })
    }
}
