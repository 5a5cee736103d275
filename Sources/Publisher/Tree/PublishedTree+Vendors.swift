import Catalog
import Linux
import Vendors

/// The table of vendors that a tree's readers may use: a signed target of its own.
extension PublishedTree {
    /// What was published of a table.
    package struct TableResult: Sendable, Equatable {
        package let vendors: Int
        package let systems: Int
        /// False where the tree had the very same before, and nothing was signed.
        package let isNew: Bool
    }

    /// Publishes the table of a folder, one TOML file a vendor, in place of what the tree has of one.
    /// - Throws: ``PublisherError``: `tables` for anything that readers would refuse. The tree is as it was then.
    package func publishTable(_ folder: String) throws(PublisherError) -> TableResult {
        let (tables, checked) = try PublishedTree.table(in: folder)
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        let isNew: Bool
        do { isNew = try contents.vendorTables() != tables } catch {
            // What cannot be read is replaced.
            guard case .catalog = error else { throw error }
            isNew = true
        }
        if isNew {
            let bytes: [UInt8]
            do { bytes = try tables.encode() } catch { throw .tables(folder: folder, problems: ["\(error)"]) }
            try publishTable(bytes, contents)
        }
        return TableResult(vendors: checked.vendors.count, systems: checked.rows.count, isNew: isNew)
    }

    /// Takes the table back: readers who used it go on with the installed one.
    /// - Returns: whether there was one.
    /// - Throws: ``PublisherError``.
    package func removeTable() throws(PublisherError) -> Bool {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        guard contents.file(VendorTables.targetName) != nil else { return false }
        try publishTable(nil, contents)
        return true
    }

    /// The systems of the table, by their vendors; empty where the tree has none.
    /// - Throws: ``PublisherError``.
    package func tableSystems() throws(PublisherError) -> [(vendor: String, systems: [String])] {
        guard let tables = try contents().vendorTables() else { return [] }
        let table = VendorTable.catalogs(tables.files, in: "")
        return table.vendors.map { vendor in
            (vendor.name, table.rows.filter { $0.vendor == vendor.name }.map(\.id))
        }
    }

    private func publishTable(_ bytes: [UInt8]?, _ contents: TreeContents) throws(PublisherError) {
        var document = try contents.catalog()
        document.updated = clock()
        let name = VendorTables.targetName
        try publish(
            document, files: bytes.map { [(name, $0)] } ?? [], removing: bytes == nil ? [name] : [], contents)
    }

    /// Reads a folder's files as a reader of the tree would.
    private static func table(in folder: String) throws(PublisherError) -> (VendorTables, VendorTable) {
        let names: [String]
        do { names = try Folder(path: folder).names().filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") } } catch {
            throw .unreadable(error)
        }
        guard !names.isEmpty else { throw .usage(option: folder, reason: "there is no file NAME.toml in it") }
        guard names.count <= VendorTables.mostFiles else {
            throw .tables(
                folder: folder, problems: ["\(names.count) files, where at most \(VendorTables.mostFiles) are taken"])
        }
        var files: [String: String] = [:]
        var problems: [String] = []
        for name in names.sorted() {
            let bytes: [UInt8]
            do { bytes = try FileContents.read("\(folder)/\(name)", limit: VendorTables.longest) } catch {
                guard error.number == .fileTooLarge else { throw .unreadable(error) }
                problems.append("\(name) has more than \(VendorTables.longest) bytes")
                continue
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                problems.append("\(name) is not UTF-8")
                continue
            }
            files[String(name.dropLast(".toml".count))] = text
        }
        let table = VendorTable.catalogs(files, in: "")
        problems += table.faults.map { "\($0)" }
        guard problems.isEmpty else { throw .tables(folder: folder, problems: problems) }
        do { return (try VendorTables(files: files), table) } catch {
            throw .tables(folder: folder, problems: ["\(error)"])
        }
    }
}
