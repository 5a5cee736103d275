import Linux
import TestSupport
import Testing

@testable import Curl

/// Where transfers lead that somebody else than the user named.
@Suite struct TransferReachTests {
    private let directory: TemporaryDirectory
    private let queue = TransferQueue(options: TransferOptions(stallSeconds: 5, connectSeconds: 5))

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write(Array("hello".utf8), to: "hello")
    }

    private func failure(_ request: TransferRequest, on other: TransferQueue? = nil) async -> TransferError? {
        do {
            _ = try await (other ?? queue).send(request)
            return nil
        } catch {
            return error as? TransferError
        }
    }

    private func isRefused(_ error: TransferError?) -> Bool {
        if case .refused(_, let message) = error {
            message.contains("only you may name such a server")
        } else {
            false
        }
    }

    @Test(arguments: ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"])
    func theInternetDoesNotLeadToThisMachine(host: String) async throws {
        let server = try FaultyHTTPServer(folder: directory.path)
        let url = "http://\(host):\(server.port)/hello"
        let error = await failure(TransferRequest(url: url, maximumBytes: 100, reach: .named(by: .internet)))
        #expect(isRefused(error), "\(String(describing: error))")
        #expect(server.connectionCount == 0)
    }

    @Test func norOverAConnectionThatSomebodyElseMade() async throws {
        let server = try FaultyHTTPServer(folder: directory.path)
        _ = try await queue.get(server.url + "hello", maximumBytes: 100)
        let request = TransferRequest(url: server.url + "hello", maximumBytes: 100, reach: .named(by: .internet))
        #expect(isRefused(await failure(request)))
        #expect(server.requests == ["/hello"])
        #expect(server.connectionCount == 1)
    }

    @Test func whatIsOfThisMachineLeadsToThisMachine() async throws {
        let server = try FaultyHTTPServer(folder: directory.path)
        server.script("/moved", .redirect(to: "/hello"))
        #expect(try await queue.get(server.url + "moved", maximumBytes: 100).kind == .machine)
        let named = try await queue.get(server.url + "hello", maximumBytes: 100, reach: .named(by: .machine))
        #expect(named.body.bytes == Array("hello".utf8))
        let request = TransferRequest(url: server.url, maximumBytes: 1, reach: .named(by: .privateNetwork))
        #expect(isRefused(await failure(request)))
    }

    /// Nobody signs a redirect, and another port is another service.
    @Test func aRedirectLeadsToNoOtherPortOfThisMachine() async throws {
        let (one, other) = (try FaultyHTTPServer(folder: directory.path), try FaultyHTTPServer(folder: directory.path))
        one.always("/moved", .redirect(to: other.url + "hello"))
        #expect(isRefused(await failure(TransferRequest(url: one.url + "moved", maximumBytes: 100))))
        #expect(other.connectionCount == 0)
        let written = TransferQueue(
            options: TransferOptions(writtenServers: [try #require(URLText.server(of: other.url))]))
        defer { written.close() }
        #expect(try await written.get(one.url + "moved", maximumBytes: 100).body.bytes == Array("hello".utf8))
    }

    @Test func aFileIsNamedByAFolderOnly() async throws {
        let url = "file://\(directory.path)/hello"
        for kind in [AddressKind.internet, .privateNetwork, .link] {
            let error = await failure(TransferRequest(url: url, maximumBytes: 100, reach: .named(by: kind)))
            guard case .refused = error else {
                Issue.record("\(kind): \(String(describing: error))")
                continue
            }
        }
        _ = try await queue.get(url, maximumBytes: 100, reach: .named(by: .machine))
    }

    @Test func aServerNamesNoUserAndPasswordForAnother() async throws {
        let (one, other) = (try FaultyHTTPServer(folder: directory.path), try FaultyHTTPServer(folder: directory.path))
        one.script("/moved", .redirect(to: "http://me:secret@127.0.0.1:\(other.port)/hello"))
        let written = TransferQueue(
            options: TransferOptions(writtenServers: [try #require(URLText.server(of: other.url))]))
        defer { written.close() }
        _ = try await written.get(one.url + "moved", maximumBytes: 100)
        #expect(other.requests == ["/hello"])
        #expect(!other.requestHeaders.joined().lowercased().contains("authorization"))
        // The user's own go with him on the same server.
        one.script("/here", .redirect(to: "/hello"))
        _ = try await queue.get("http://me:own@127.0.0.1:\(one.port)/here", maximumBytes: 100)
        #expect(one.requestHeaders.suffix(2).allSatisfy { $0.contains("Authorization: Basic bWU6b3du") })
    }

    @Test func aTransferThatDripsEndsWhenItsTimeIsOver() async throws {
        let server = try FaultyHTTPServer(folder: directory.path)
        server.always("*", .drip(bytes: 1, everyMilliseconds: 700))
        let error = await failure(TransferRequest(url: server.url + "hello", maximumBytes: 100, seconds: 1))
        guard case .connection(_, 28, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    // MARK: In a network of its own

    private struct World: Sendable {
        let internet: FaultyHTTPServer
        let lan: FaultyHTTPServer
        let machine: FaultyHTTPServer
        let metadata: FaultyHTTPServer
        let queue: TransferQueue

        var near: [FaultyHTTPServer] { [lan, machine, metadata] }
    }

    private func world(written: @escaping @Sendable (FaultyHTTPServer) -> Bool = { _ in false }) async throws -> World {
        let path = directory.path
        let addresses = [
            IPv4Address(203, 0, 113, 7), IPv4Address(10, 99, 0, 1), IPv4Address(127, 0, 0, 1),
            IPv4Address(169, 254, 169, 254),
        ]
        return try await OwnNetwork.run(addresses: addresses.filter { $0.value >> 24 != 127 }) {
            let servers = try addresses.map { try FaultyHTTPServer(folder: path, at: $0) }
            let names = servers.filter(written).compactMap { URLText.server(of: $0.url) }
            return World(
                internet: servers[0], lan: servers[1], machine: servers[2], metadata: servers[3],
                queue: TransferQueue(
                    options: TransferOptions(stallSeconds: 5, connectSeconds: 5, writtenServers: Set(names))))
        }
    }

    @Test(.enabled(if: OwnNetwork.isPossible, Comment(rawValue: OwnNetwork.reason)))
    func aServerOfTheInternetSendsNobodyToTheUsersOwnNetworks() async throws {
        let world = try await world()
        for server in world.near {
            let path = "/\(server.address)"
            world.internet.script(path, .redirect(to: server.url + "hello"))
            let url = world.internet.url + "\(server.address)"
            #expect(isRefused(await failure(TransferRequest(url: url, maximumBytes: 100), on: world.queue)))
            #expect(server.connectionCount == 0, "\(server.address)")
        }
        let result = try await world.queue.get(world.internet.url + "hello", maximumBytes: 100)
        #expect(result.kind == .internet)
    }

    @Test(.enabled(if: OwnNetwork.isPossible, Comment(rawValue: OwnNetwork.reason)))
    func aPrivateNetworkLeadsToItselfAndAwayButNotToThisMachine() async throws {
        let world = try await world()
        for (server, isAllowed) in [
            (world.lan, true), (world.internet, true), (world.machine, false), (world.metadata, false),
        ] {
            let error = await failure(
                TransferRequest(url: server.url + "hello", maximumBytes: 100, reach: .named(by: .privateNetwork)),
                on: world.queue)
            #expect(isRefused(error) == !isAllowed, "\(server.address)")
        }
        // What the internet server says counts as the internet's word, whoever led there.
        world.internet.script("/on", .redirect(to: world.lan.url + "secret"))
        let request = TransferRequest(
            url: world.internet.url + "on", maximumBytes: 100, reach: .named(by: .privateNetwork))
        #expect(isRefused(await failure(request, on: world.queue)))
        #expect(world.lan.requests == ["/hello"])
    }

    @Test(.enabled(if: OwnNetwork.isPossible, Comment(rawValue: OwnNetwork.reason)))
    func whatTheUserWroteMayBeAnywhere() async throws {
        let world = try await world { $0.address.value >> 24 == 10 }
        _ = try await world.queue.get(world.metadata.url + "hello", maximumBytes: 100)
        world.internet.script("/moved", .redirect(to: world.lan.url + "hello"))
        _ = try await world.queue.get(world.internet.url + "moved", maximumBytes: 100)
        #expect(world.lan.requests == ["/hello"])
    }

    @Test func aServerThatTheUserNamedMayBeNamedByOthersAsWell() async throws {
        let server = try FaultyHTTPServer(folder: directory.path)
        let host = HostAccess(name: try #require(URLText.server(of: server.url)))
        let named = TransferRequest(url: server.url + "hello", maximumBytes: 100, reach: .named(by: .internet))
        for options in [TransferOptions(hosts: [host]), TransferOptions(writtenServers: [host.name])] {
            let own = TransferQueue(options: options)
            defer { own.close() }
            #expect(try await own.send(named).body.bytes == Array("hello".utf8))
        }
        let another = TransferQueue(options: TransferOptions(hosts: [HostAccess(name: "127.0.0.1")]))
        defer { another.close() }
        #expect(isRefused(await failure(named, on: another)), "another port is another server")
    }
}
