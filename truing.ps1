<#
.SYNOPSIS
Truing's commands on Windows: the same steps as the Makefile.
.EXAMPLE
.\truing.ps1 demo
.EXAMPLE
.\truing.ps1 test -k review
.NOTES
PYTHON names the Python to use, 3.11 to 3.14 (default: the first one found); TORCH_INDEX the index
to take torch from. Set them as environment variables: $env:PYTHON = 'C:\Python313\python.exe'
#>
param([string] $Target = 'help')

$Rest = $args
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 3
$Venv = Join-Path $PSScriptRoot '.venv\Scripts'

function Test-Python([string[]] $Command) {
    $suits = 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
    $program = $Command[0]
    $options = @($Command | Select-Object -Skip 1)
    if (-not (Get-Command $program -ErrorAction SilentlyContinue)) { return $false }
    try { & $program @options -c $suits 2>$null | Out-Null } catch { return $false }
    return $LASTEXITCODE -eq 0
}

function Find-Python {
    if ($env:PYTHON) {
        if (Test-Python @($env:PYTHON)) { return $env:PYTHON }
        throw "PYTHON names ``$env:PYTHON``, which is no Python 3.11 to 3.14"
    }
    $candidates = @(
        @('py', '-3.13'), @('py', '-3.12'), @('py', '-3.11'), @('py', '-3.14'),
        @('python'), @('python3')
    )
    foreach ($candidate in $candidates) {
        if (Test-Python $candidate) { return $candidate }
    }
    throw 'no Python 3.11 to 3.14 on this machine; install one: winget install Python.Python.3.13'
}

function Invoke-Checked([string] $Program, [string[]] $Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

function Initialize-Environment([string] $Purpose) {
    $command = @(Find-Python)
    $options = @($command | Select-Object -Skip 1)
    Invoke-Checked $command[0] ($options + @('scripts\setup.py', $Purpose))
}

function Show-Help {
    @(
        'Usage: .\truing.ps1 TARGET [more arguments]'
        ''
        '  help   show this list'
        '  demo   prepare, then walk the whole loop on real recordings'
        '  test   prepare, lint, then run the tests'
        '  lint   style, types, import contracts, generated pages'
        ''
        '  $env:PYTHON        the Python to use, 3.11 to 3.14 (default: the first one found)'
        '  $env:TORCH_INDEX   where to take torch from'
    ) | Write-Output
}

# Nothing of another active environment may leak into this one.
$foreign = @('VIRTUAL_ENV', 'CONDA_PREFIX', 'PYTHONPATH', 'PYTHONHOME', 'PIP_USER', 'PIP_TARGET')
$foreign | ForEach-Object { Remove-Item "Env:$_" -ErrorAction SilentlyContinue }
$env:PYTHONUTF8 = '1'

Push-Location $PSScriptRoot
try {
    switch ($Target) {
        'help' { Show-Help }
        'demo' {
            Initialize-Environment 'demo'
            Invoke-Checked (Join-Path $Venv 'truing.exe') (@('demo') + $Rest)
        }
        'lint' {
            Initialize-Environment 'test'
            Invoke-Checked (Join-Path $Venv 'python.exe') (@('scripts\lint.py') + $Rest)
        }
        'test' {
            Initialize-Environment 'test'
            $python = Join-Path $Venv 'python.exe'
            & $python 'scripts\lint.py'
            $lint = $LASTEXITCODE
            $env:OMP_NUM_THREADS = '1'
            $env:TOKENIZERS_PARALLELISM = 'false'
            $pytest = @('-m', 'pytest', '-n', '2', '--dist', 'worksteal', '-m', 'not slow')
            Invoke-Checked $python ($pytest + $Rest)
            exit $lint
        }
        default { throw "no target ``$Target``; .\truing.ps1 help lists them" }
    }
}
finally {
    Pop-Location
}
