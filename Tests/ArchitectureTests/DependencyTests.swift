import Foundation
import Testing

/// What a target declares in Package.swift is what its files import: what is declared and not imported is built for nothing, and what is
/// imported and not declared works by chance.
@Suite struct DependencyTests {
    private struct Manifest {
        /// Names in Package.swift of the products of other packages, and the modules that they bring.
        let products: [String: String]
        /// Modules that each target declares.
        let targets: [String: Set<String>]
        let executables: Set<String>

        /// - Parameter text: of Package.swift, whose few helpers this knows.
        init(_ text: String) {
            let products = Dictionary(
                uniqueKeysWithValues: text.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/).map {
                    (String($0.1), String($0.2))
                })
            self.products = products
            func modules(_ list: Substring) -> Set<String> {
                Set(
                    list.matches(of: /"([^"]+)"|(\w+)/).map { item in
                        if let name = item.1 { return Manifest.module(String(name)) }
                        let name = String(item.2 ?? "")
                        return products[name] ?? name
                    })
            }
            var targets: [String: Set<String>] = [:]
            for match in text.matches(of: /\b(binding|module|program|tests)\(\s*"([^"]+)"(?:,\s*\[([^\]]*)\])?/) {
                var declared = modules(match.3 ?? "")
                switch match.1 {
                case "binding": declared.insert("C\(match.2)")
                case "program": declared.insert("ArgumentParser")
                default: break
                }
                targets[String(match.2)] = declared
            }
            for match in text.matches(
                of: /\.(?:target|executableTarget)\(\s*name: "([^"]+)",\s*dependencies: \[([^\]]*)\]/)
            {
                targets[String(match.1)] = modules(match.2)
            }
            self.targets = targets
            executables = Set(
                text.matches(of: /(?:\bprogram\(\s*|\.executableTarget\(\s*name: )"([^"]+)"/).map {
                    Manifest.module(String($0.1))
                })
        }

        /// A target's name as it is imported.
        static func module(_ target: String) -> String { target.replacing("-", with: "_") }
    }

    /// Targets whose folder has another name.
    private static let folders = [
        "network-proxy": "NetworkProxyProgram", "menu-sample": "MenuSample", "oscircular-fuzz": "Fuzz",
    ]

    /// Modules by which a product of another package is used, where that is not the one of its name.
    private static let brought = ["CTOML": "TOMLKit"]

    private static func manifest() throws -> Manifest {
        Manifest(try String(contentsOf: SourceTree.root.appending(path: "Package.swift"), encoding: .utf8))
    }

    private static func imports() throws -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        for file in try SourceTree.sourceFiles() + SourceTree.testFiles() {
            found[file.module, default: []].formUnion(file.imports.map { brought[$0] ?? $0 })
        }
        return found
    }

    @Test func whatIsDeclaredIsImportedAndTheReverse() throws {
        let manifest = try Self.manifest()
        #expect(manifest.targets.count > 40)
        #expect(manifest.products.count >= 6)
        // The system's modules need no declaration.
        let known = Set(manifest.targets.keys.map(Manifest.module)).union(manifest.products.values)
            .union(manifest.targets.values.joined())
        let imports = try Self.imports()
        for (target, declared) in manifest.targets.sorted(by: { $0.key < $1.key }) {
            let imported = try #require(imports[Self.folders[target] ?? target], "\(target) has no files")
                .intersection(known).subtracting([Manifest.module(target)])
            // Each test target has it, and a test may start a program without importing it.
            let isTest = target.hasSuffix("Tests")
            let mayBeUnused = isTest ? manifest.executables : []
            let missing = imported.subtracting(declared).subtracting(isTest ? ["TestSupport"] : [])
            #expect(missing.isEmpty, "\(target) imports \(missing.sorted()) and does not declare it")
            let unused = declared.subtracting(imported).subtracting(mayBeUnused)
            #expect(unused.isEmpty, "\(target) declares \(unused.sorted()) and does not import it")
        }
    }

    @Test func everyPackageIsUsed() throws {
        let text = try String(contentsOf: SourceTree.root.appending(path: "Package.swift"), encoding: .utf8)
        let packages = text.matches(of: /\.package\(url: "[^"]*\/([^"\/]+)"/).map { String($0.1) }
        #expect(packages.count >= 5)
        for package in packages { #expect(text.contains("package: \"\(package)\""), "\(package) is not used") }
    }
}
