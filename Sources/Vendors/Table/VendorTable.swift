import Catalog
import Curl
import Linux

/// What the installed files and the user's own say that vendors offer.
package struct VendorTable: Sendable, Hashable, Codable {
    package internal(set) var vendors: [Vendor] = []
    /// In the order in which they are listed.
    package internal(set) var rows: [VendorRow] = []
    /// What is wrong with files that count as not there, one for each.
    package internal(set) var faults: [VendorsError] = []
    /// The names of all files, those with faults, too.
    var files: Set<String> = []

    /// Rows of all files of folders together.
    static let mostRows = 1000
    /// Rows of a catalog's table.
    package static let mostOfCatalog = 500
    /// Aliases of a catalog's table.
    private static let mostAliases = 2000

    package init() {}

    /// The row of an id or an alias. An alias means a row for this machine's own processor first.
    package func row(_ name: String, host: String = Machine.architecture) -> VendorRow? {
        rows.first { $0.id == name }
            ?? rows.first { $0.aliases.contains(name) && $0.architecture == host }
            ?? rows.first { $0.aliases.contains(name) }
    }

    package func vendor(_ name: String) -> Vendor? { vendors.first { $0.name == name } }

    /// Keys that may have signed what a row offers.
    func keys(of row: VendorRow) -> [Vendor.PinnedKey] { row.signers }

    /// On whose word a key is fetched.
    func reach(ofKey url: String) -> TransferReach {
        let origins = rows.filter { $0.signers.contains { $0.key.url == url } }.map(\.origin)
        return (origins.contains(.folder) ? .folder : origins.first ?? .folder).reach
    }

    /// Reads the folders that exist; a file of a later one replaces that of the same name.
    /// - Parameter folders: the installed one, then the user's own.
    package static func load(folders: [String]) -> VendorTable {
        var files: [String: String] = [:]
        for folder in folders {
            // One that is not there has no files.
            for name in Folder.namesIfAny(in: folder) where name.hasSuffix(".toml") && !name.hasPrefix(".") {
                files[String(name.dropLast(5))] = "\(folder)/\(name)"
            }
        }
        var table = VendorTable()
        var names = RowNames()
        for (name, path) in files.sorted(by: { $0.key < $1.key }) {
            let bytes: [UInt8]
            do { bytes = try FileContents.read(path, limit: VendorFile.longest + 1) } catch {
                table.files.insert(name)
                table.faults.append(.table(file: path, place: "", reason: "cannot be read: \(error.message)"))
                continue
            }
            table.add(bytes, file: path, name: name, origin: .folder, prefix: "", &names)
        }
        return table
    }

    /// Adds a file; one with an error becomes a fault.
    /// - Parameters:
    ///   - origin: who says it.
    ///   - prefix: what the names of its vendor and systems are given in front.
    package mutating func add(
        _ bytes: [UInt8], file path: String, name: String, origin: TableOrigin = .folder, prefix: String = ""
    ) {
        var names = RowNames(of: rows)
        add(bytes, file: path, name: name, origin: origin, prefix: prefix, &names)
    }

    /// - Parameter names: of the rows that are there.
    private mutating func add(
        _ bytes: [UInt8], file path: String, name: String, origin: TableOrigin, prefix: String, _ names: inout RowNames
    ) {
        files.insert(prefix + name)
        do throws(VendorsError) {
            let file = try VendorFile(bytes, file: path, name: name, origin: origin).prefixed(prefix, file: path)
            for row in file.rows {
                guard let twice = names.take(row) else { continue }
                let owner = rows.first { $0.id == twice || $0.aliases.contains(twice) }?.vendor ?? ""
                throw VendorsError.table(
                    file: path, place: twice, reason: "is a system of \(owner).toml already")
            }
            let most = origin == .folder ? VendorTable.mostRows : VendorTable.mostOfCatalog
            guard rows.count + file.rows.count <= most else {
                throw VendorsError.table(
                    file: path, place: "", reason: "is not used: there are more than \(most) systems")
            }
            let aliases = (rows + file.rows).reduce(0) { $0 + $1.aliases.count }
            guard origin == .folder || aliases <= VendorTable.mostAliases else {
                throw VendorsError.table(
                    file: path, place: "", reason: "is not used: there are more than \(VendorTable.mostAliases) aliases"
                )
            }
            vendors.append(file.vendor)
            rows += file.rows
        } catch {
            faults.append(error)
            // None of the file's counts.
            names = RowNames(of: rows)
        }
    }
}

/// The names of rows, none of which means two: but an alias may be that of a row for each processor.
struct RowNames {
    private var ids: Set<String> = []
    private var aliases: [String: Set<String>] = [:]

    init(of rows: [VendorRow] = []) { for row in rows { _ = take(row) } }

    /// Adds a row's names.
    /// - Returns: the first that is another row's; nil where all were free.
    mutating func take(_ row: VendorRow) -> String? {
        if aliases[row.id] != nil || !ids.insert(row.id).inserted { return row.id }
        for alias in row.aliases
        where ids.contains(alias) || !aliases[alias, default: []].insert(row.architecture).inserted {
            return alias
        }
        return nil
    }
}
